// Alerts: the life of one, the keyboard, many at once, copying.
import { base, check, examine, expected, given, go, SIZES } from "./harness.mjs";

/** Chooses one thing to do on the page of an alert. */
async function act(page, button, note) {
  const actions = page.locator("section.actions");
  if (note === undefined) {
    await actions.getByRole("button", { name: button, exact: true }).click();
  } else {
    const part = actions.locator("details").filter({ has: page.locator("summary", { hasText: button }) });
    if (!(await part.evaluate((details) => details.open).catch(() => false))) await part.locator("summary").click();
    await part.locator("textarea").fill(note);
    await part.getByRole("button", { name: button }).click();
  }
  await page.waitForLoadState();
}

/** The life of one alert, from the list to its end and back. */
export async function liveThrough(page, search, scripts) {
  await go(page, "/alerts");
  await page.getByLabel("Search text").fill(search);
  await page.getByLabel("Status").selectOption({ index: 0 });
  await page.getByRole("button", { name: "Apply" }).click();
  await page.waitForURL(/search=/);
  check((await page.locator("main tbody tr").count()) === 1, `${search}: the filter leaves one alert`);
  await page.locator("main table a.strong").first().click();
  await page.waitForURL(/\/alerts\/[0-9a-f-]{36}/);
  await examine(page, `alert of ${search}`, { scripts });
  const marks = () => page.locator(".head .marks").innerText();
  await act(page, "Acknowledge");
  check(/acknowledged/i.test(await marks()), `acknowledged: ${await marks()}`);
  await act(page, "Comment", `looking into it <b>${search}</b>`);
  check((await page.locator(".history blockquote").last().innerText()).includes("<b>"), "a comment is text");
  await act(page, "Resolve", "it was a drill");
  check(/resolved/i.test(await marks()), `resolved: ${await marks()}`);
  check((await page.locator(".history").innerText()).includes("it was a drill"), "the history tells why");
  await act(page, "Reopen", "it was not");
  check(/active|open/i.test(await marks()), `reopened: ${await marks()}`);
  await act(page, "Dismiss", "known");
  check(/dismissed/i.test(await marks()), `dismissed: ${await marks()}`);
  check((await page.locator(".history li").count()) >= 6, "the history has each step");
}

/** The keyboard does what the help says, and ticked alerts are changed at once. */
export async function typeKeys(page) {
  await go(page, "/alerts");
  await page.keyboard.press("/");
  check((await page.evaluate(() => document.activeElement.id)) === "search", "/ goes to the search");
  await page.keyboard.type("jax?");
  check((await page.locator("#search").inputValue()) === "jax?", "keys are text while one types");
  await page.locator("h1").click();
  await go(page, "/alerts?search=night-ward");
  const total = await page.locator("main tbody tr").count();
  check(total >= 3, `there are alerts to tick: ${total}`);
  const focused = () => page.evaluate(() => [...document.querySelectorAll("main tbody tr")].indexOf(document.activeElement.closest("tr")));
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  check((await focused()) === 1, "j goes down");
  await page.keyboard.press("k");
  check((await focused()) === 0, "k goes up");
  check((await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle)) !== "none", "where one is can be seen");
  await page.keyboard.press("x");
  check((await page.locator("#ticked").innerText()) === "1 selected", "x ticks");
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.keyboard.press("a");
  await page.waitForURL(/\/alerts\/bulk/);
  check((await page.locator("h1").innerText()) === "2 alerts were acknowledged", await page.locator("h1").innerText());
  await examine(page, "result of many");
  await page.getByRole("link", { name: "Back to the list" }).click();
  await page.waitForURL(/search=night-ward/);
  await page.getByLabel("All on this page").check();
  await page.getByRole("button", { name: "Acknowledge selected" }).click();
  await page.waitForURL(/\/alerts\/bulk/);
  check((await page.locator("main").innerText()).includes("already acknowledged"), "what could not be says why");
  await page.getByRole("link", { name: "Back to the list" }).click();
  await page.locator('main tbody input[type="checkbox"]').first().check();
  await page.getByText("Dismiss selected…").click();
  await page.getByRole("button", { name: "Dismiss selected", exact: true }).click();
  check(!page.url().includes("/bulk"), "a dismissal asks for its reason");
  await page.getByLabel("Why are they not worth dealing with?").fill("a drill");
  await page.getByRole("button", { name: "Dismiss selected", exact: true }).click();
  await page.waitForURL(/\/alerts\/bulk/);
  check((await page.locator("h1").innerText()) === "1 alert was dismissed", await page.locator("h1").innerText());
  await page.keyboard.press("g");
  await page.keyboard.press("e");
  await page.waitForURL(`${base}/events`);
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/events\/[0-9a-f-]{36}/);
  await page.keyboard.press("?");
  await page.waitForURL(`${base}/help`);
  check((await page.locator("main kbd").count()) > 10, "the help names the keys");
  await go(page, "/alerts?status=active&search=moth");
  await page.locator("main table a.strong").first().click();
  await page.waitForURL(/\/alerts\/[0-9a-f-]{36}/);
  await page.keyboard.press("a");
  await page.waitForFunction(() => /acknowledged/i.test(document.querySelector(".marks").innerText));
  check((await page.locator("#related").count()) === 1, "alerts of the same organisation and time are named");
  check((await page.locator(".history li").first().innerText()).toLowerCase().includes("event"), "the history begins with its events");
}

/** Steps on many alerts need no script, and the command can be read. */
export async function stepWithoutScripts(page) {
  await go(page, "/alerts?status=active");
  await page.locator('main tbody input[type="checkbox"]').first().check();
  await page.getByRole("button", { name: "Acknowledge selected" }).click();
  await page.waitForURL(/\/alerts\/bulk/);
  check((await page.locator("h1").innerText()) === "1 alert was acknowledged", await page.locator("h1").innerText());
  await go(page, "/alerts");
  check(await page.getByRole("button", { name: "Copy as curl" }).isHidden(), "no button that does nothing");
  await page.getByText("Show the curl command").click();
  check((await page.locator(".curl code").innerText()).includes(base), "the command stands there as text");
  await go(page, "/events/live");
  check((await page.locator("#tail tbody tr").count()) > 5, "the tail shows the newest without scripts");
}

/** The command that is copied gives what the page shows. */
export async function copy(page, context) {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await go(page, "/alerts?status=all");
  await page.getByRole("button", { name: "Copy as curl" }).click();
  await page.getByText("Copied").waitFor();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  const address = command.match(/'(http[^']+)'$/)?.[1];
  check(command.includes("$SEALWATCH_KEY") && address?.startsWith(`${base}/api/v1/alerts?`), command);
  const page50 = await (await fetch(address, { headers: { "X-API-Key": given.key } })).json();
  const shown = await page.locator("main tbody tr").count();
  check(page50.data?.length === shown, `the same alerts: ${page50.data?.length}, ${shown}`);
  const title = await page.locator("main time").first().getAttribute("title");
  check(/[+−]\d\d:\d\d, in UTC .*Z$/.test(title), `a time says both zones: ${title}`);
}
