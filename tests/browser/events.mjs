// Events: the list, one, hostile text, and what arrives by itself.
import { base, check, examine, expected, given, go, HOSTILE, send, STEP_MS } from "./harness.mjs";

/** The pages that show something of the hostile event, of its source, or of what was said of it. */
const HOSTILE_PLACES = [`/events/${given["hostile-event"]}`, "/events", "/search", "/events/live", "/", "/sources", "/activity", "/alerts?status=all", "/settings", "/patterns"];
/** Those that need not. */
const SILENT = ["/", "/alerts?status=all", "/settings", "/patterns"];
const offHours = (principalId) => ({ timestamp: "2026-01-05T23:10:00Z", action: "data.update", status: "success", organizationId: "night-ward", principalId });

/** Events are filtered and looked at. */
export async function lookAtEvents(page, scripts) {
  await go(page, "/events");
  await page.getByLabel("Principal").fill("owl");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.waitForURL(/principal=owl/);
  check((await page.locator("main tbody tr").count()) === 1, "the filter leaves the owl's event");
  await page.locator("main table a.strong").first().click();
  await page.waitForURL(/\/events\/[0-9a-f-]{36}/);
  await examine(page, "event", { scripts });
  check((await page.locator("dl.fields").innerText()).includes("data.update"), "all fields are shown");
  check((await page.locator("pre.raw").innerText()).includes('"principalId":"owl"'), "the bytes are shown");
  await go(page, "/events?principal=nurse-1");
  await page.locator("main table a.strong").first().click();
  await page.waitForURL(/\/events\/[0-9a-f-]{36}/);
  check((await page.locator(".around .list-row").count()) >= 5, "its neighbours of the session are shown");
  await page.locator(".around a.strong").first().click();
  await page.waitForURL(/\/events\/[0-9a-f-]{36}/);
  check((await page.locator('.around [aria-current="true"]').count()) === 1, "and lead on");
}

/** The pages of the principal and the resource of the event that is shown. */
export async function subjectsOf(page) {
  const links = page.locator("main a[href^='/principal?'], main a[href^='/resource?']");
  const hrefs = new Set(await links.evaluateAll((all) => all.map((link) => link.getAttribute("href"))));
  check(hrefs.size >= 2, "an event leads to its principal and its resource");
  return hrefs;
}

/** What an event says is shown and does nothing. */
export async function lookAtHostileEvent(page) {
  await go(page, HOSTILE_PLACES[0]);
  for (const where of [...HOSTILE_PLACES, ...(await subjectsOf(page))]) {
    await go(page, where);
    await examine(page, `hostile text at ${where}`);
    check((await page.locator("main script, main img, main iframe").count()) === 0, `${where}: no element comes from an event`);
    const text = await page.locator("main").innerText();
    check(!/[\u202a-\u202e\u2066-\u2069\u001b]/.test(text), `${where}: nothing reorders the line or speaks to a terminal`);
    if (!SILENT.includes(where)) check(text.includes("<script>"), `${where}: it is shown as text`);
  }
  const links = await page.locator("a[href^='javascript:' i]").count();
  check(links === 0, "no link runs a script");
}

/** What is new arrives by itself: numbers, alerts, events; and a lost connection says so and comes back. */
export async function listen(page, context) {
  await go(page, "/");
  const badge = page.locator("#open-alerts");
  const before = Number(await badge.innerText());
  const events = await page.locator('[data-live="eventsTotal"]').innerText();
  await send(offHours(`wolf ${HOSTILE}`));
  const offer = page.locator("#fresh a");
  await offer.waitFor({ state: "visible" });
  check(/^1 new alert: show/.test(await offer.innerText()), `a new alert is offered: ${await offer.innerText()}`);
  check((await badge.innerText()) === String(before + 1), "the count of open alerts changes in place");
  check((await page.title()).startsWith(`(${before + 1}) `), "and in the title");
  await page.waitForFunction((old) => document.querySelector('[data-live="eventsTotal"]').innerText !== old, events);
  await examine(page, "overview with a new alert");
  check((await page.locator("main img").count()) === 0, "no element comes from an alert that is told live");
  await offer.click();
  await page.waitForLoadState();
  check((await page.locator("main .list-row").first().innerText()).includes("wolf"), "the offer shows it");

  await go(page, "/events/live");
  await send({ ...offHours(`lynx ${HOSTILE}`), action: `data.${HOSTILE}`, targetResourceType: HOSTILE });
  const first = page.locator("#tail tbody tr").first();
  await page.waitForFunction(() => document.querySelector("#tail tbody tr")?.innerText.includes("lynx"));
  check((await first.innerText()).includes("<img src=x"), "what an event says is text");
  check((await page.locator("#tail img, #tail script").count()) === 0, "no element comes from an event in the tail");
  check((await first.locator(".mark-word").count()) === 2, "a row has its marks");
  check(/[+−]\d\d:\d\d/.test(await first.locator("time").innerText()), "its time is local");
  await page.getByRole("button", { name: "Pause" }).click();
  await send(offHours("puma"));
  await page.waitForFunction(() => /1 waiting/.test(document.getElementById("tail-state").textContent));
  check(!(await page.locator("#tail").innerText()).includes("puma"), "a paused tail stands still");
  await page.getByRole("button", { name: "Go on" }).click();
  check((await page.locator("#tail tbody tr").first().innerText()).includes("puma"), "and goes on with what waited");
  await examine(page, "live tail");
  await go(page, "/events/live?principal=nobody-else");
  await send(offHours("lion"));
  await send(offHours("nobody-else"));
  await page.waitForFunction(() => document.querySelectorAll("#tail tbody tr").length > 0);
  check((await page.locator("#tail tbody tr").count()) === 1, "the tail has the filter of its address");
  check(await page.locator("#tail-empty").isHidden(), "and is no longer said to be empty");

  // A stream of another page is let through after the line was cut.
  await page.route("**/live?*", (route) => route.abort("connectionreset"));
  expected.breaks = true;
  await page.evaluate(() => { document.dispatchEvent(new Event("visibilitychange")); });
  await page.locator("#connection.lost").waitFor();
  check(/trying again/i.test(await page.locator("#connection").innerText()), "a lost connection says so");
  await page.unroute("**/live?*");
  await page.waitForFunction(() => /again\./.test(document.getElementById("connection").textContent), undefined, { timeout: STEP_MS });
  expected.breaks = false;
  check(context.pages().length > 0, "the page is still there");
}

/** A search text narrows the list, its filter can be taken away, and a mistake stands at its place. */
export async function searchText(page, scripts) {
  await go(page, "/events");
  await page.getByLabel("Search text").fill('action:data.* -principal:bat "owl"');
  await page.getByRole("button", { name: "Apply" }).click();
  await page.waitForURL(/q=/);
  check((await page.locator("main tbody tr").count()) === 1, "the text leaves the owl's event");
  await page.locator("a.chip").click();
  await page.waitForURL(`${base}/events`);
  check((await page.locator("main tbody tr").count()) > 40, "without it there are all");
  expected.failures += 1;
  await page.getByLabel("Search text").fill("owl (bat \u202e<b>");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.getByRole("alert").waitFor();
  await examine(page, "a fault in a search text", { scripts });
  check((await page.locator("#search-fault mark").innerText()) === "(", "the place is marked");
  check((await page.locator("#search-fault").innerText()).includes("[U+202E]<b>"), "what was typed is text");
  check((await page.getByLabel("Search text").inputValue()).startsWith("owl (bat"), "the form keeps it");
  await page.getByRole("link", { name: "How it is written" }).click();
  await page.waitForURL(/help#search/);
  await page.getByRole("link", { name: "principal:alice*", exact: true }).click();
  await page.waitForURL(/\/search\?q=principal/);
  check((await page.locator("main h1").innerText()) === "Search", "an example can be tried");
}

/** The tail follows a search text. */
export async function followText(page) {
  await go(page, "/events/live");
  await page.getByLabel("Search text").fill("principal:crow* -status:failure");
  await page.getByRole("button", { name: "Follow" }).click();
  await page.waitForURL(/live\?q=/);
  await send({ ...offHours("crow-1"), status: "failure" });
  await send(offHours("rook"));
  await send(offHours("crow-2"));
  await page.waitForFunction(() => document.querySelector("#tail tbody")?.innerText.includes("crow-2"));
  const text = await page.locator("#tail tbody").innerText();
  check(!text.includes("crow-1") && !text.includes("rook"), `only what it finds: ${text}`);
}
