// Visits every page of a running appliance in Chromium and does what people do there; any trouble makes it fail.
//
//   SEALWATCH_PASSWORD=… node run.mjs --base URL --user NAME --key API-KEY --hostile-event ID --shots DIR
import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values: given } = parseArgs({
  options: Object.fromEntries(["base", "user", "hostile-event", "shots", "key"].map((name) => [name, { type: "string" }])),
});
const base = given.base;
const password = process.env.SEALWATCH_PASSWORD;
assert(base && given.user && password && given.shots, "--base, --user, --shots and SEALWATCH_PASSWORD are needed");
const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** A preview that shows something new, one that is refused, and the settings of an organisation that means no good. */
const SETTINGS = {
  patterns: "/patterns",
  pattern: "/patterns/OFF_HOURS",
  preview: "/patterns/FAILED_AUTH?threshold=2&days=30&preview=1",
  refused: "/patterns/OFF_HOURS?off_hours=25&time_zone=Mars&holidays=%3Cb%3E&days=400&preview=1",
  "pattern-of": `/patterns/DATA_VELOCITY?org=${encodeURIComponent("<img src=x onerror=\"document.title='pwned'\">\u202e")}`,
  settings: "/settings",
};
const SIZES = [{ width: 1440, height: 900 }, { width: 360, height: 740 }];
const STEP_MS = 20_000;

const troubles = [];
let expectedFailures = 0;
let expectedBreaks = false;
let checks = 0;
const trouble = (text) => {
  console.error(`trouble: ${text}`);
  troubles.push(text);
};
const check = (condition, text) => {
  checks += 1;
  if (!condition) trouble(text);
};

/** A browser context whose pages report everything that should not happen. */
async function open(browser, options) {
  const context = await browser.newContext({ timezoneId: "Europe/Berlin", ...options });
  context.setDefaultTimeout(STEP_MS);
  context.on("page", (page) => {
    const at = () => new URL(page.url(), base).pathname;
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      // The browser itself reports each answer of 400 and more; those that a step provokes are announced.
      if (expectedBreaks && /ERR_CONNECTION_RESET/.test(message.text())) return;
      if (expectedFailures > 0 && /the server responded with a status of (40[149]|422|429)/.test(message.text())) expectedFailures -= 1;
      else trouble(`console at ${at()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => trouble(`script at ${at()}: ${error.message}`));
    page.on("dialog", (dialog) => {
      trouble(`a dialog at ${at()}: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(`${base}/`) && !request.url().startsWith("data:")) trouble(`another host: ${request.url()}`);
    });
    page.on("requestfailed", (request) => {
      const why = request.failure()?.errorText ?? "";
      if (!why.includes("ERR_ABORTED") && !(expectedBreaks && why.includes("ERR_CONNECTION_RESET"))) trouble(`failed: ${request.url()} ${why}`);
    });
  });
  return context;
}

async function go(page, where, status = 200) {
  if (status >= 400) expectedFailures += 1;
  const answer = await page.goto(base + where);
  check(answer.status() === status, `${where}: ${answer.status()}, not ${status}`);
}

async function signIn(page, name, word) {
  await page.getByLabel("User", { exact: true }).fill(name);
  await page.getByLabel("Password").fill(word);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** The things that hold for every page. */
async function examine(page, name, { scripts = true } = {}) {
  const wide = scripts && (await page.evaluate(() => document.documentElement.scrollWidth - innerWidth));
  check(!(wide > 0), `${name}: ${wide} pixels wider than the window`);
  check((await page.locator("h1").count()) === 1, `${name}: there is one heading of the first level`);
  check((await page.locator("main").count()) === 1, `${name}: there is one main part`);
  check(!(await page.title()).includes("pwned"), `${name}: a script of an event ran`);
}

/** The addresses of the pages, once there are alerts and events. */
async function addresses(page) {
  await go(page, "/alerts?status=all");
  const alerts = page.locator("main table a.strong");
  const alert = await alerts.first().getAttribute("href");
  await go(page, "/events");
  const event = await page.locator("main table a.strong").first().getAttribute("href");
  return { overview: "/", alerts: "/alerts?status=all", alert, events: "/events", live: "/events/live", event, sources: "/sources", health: "/health", help: "/help", hostile: `/events/${given["hostile-event"]}`, activity: "/activity", integrity: "/integrity", sheet: "/integrity/sheet", missing: "/nothing-here", ...SETTINGS };
}

/** Every page in every size and colour scheme: a picture, and no violation of the rules of accessibility. */
async function visitAll(browser, state, pages) {
  for (const viewport of SIZES) {
    for (const colorScheme of ["light", "dark"]) {
      const look = `${viewport.width}-${colorScheme}`;
      const signedIn = await open(browser, { viewport, colorScheme, storageState: state });
      const signedOut = await open(browser, { viewport, colorScheme });
      const audited = await open(browser, { viewport, colorScheme, storageState: state, bypassCSP: true });
      const auditedOut = await open(browser, { viewport, colorScheme, bypassCSP: true });
      for (const [name, where] of Object.entries({ "sign-in": "/sign-in", ...pages })) {
        const status = { missing: 404, refused: 422 }[name] ?? 200;
        const out = name === "sign-in";
        const page = await (out ? signedOut : signedIn).newPage();
        await go(page, where, status);
        await examine(page, `${name} ${look}`);
      
        await page.screenshot({ path: path.join(given.shots, `${name}-${look}.png`) });
        await page.close();
        const audit = await (out ? auditedOut : audited).newPage();
        await go(audit, where, status);
        await audit.evaluate(() => document.querySelectorAll("details").forEach((part) => (part.open = true)));
        await audit.evaluate(axe);
        const found = await audit.evaluate((rules) => window.axe.run({ runOnly: rules }), RULES);
        check(found.passes.length > 5, `${name} ${look}: axe found nothing to look at`);
        for (const violation of found.violations) {
          trouble(`${name} ${look}: ${violation.id} (${violation.impact}): ${violation.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
        }
        await audit.close();
      }
      await Promise.all([signedIn, signedOut, audited, auditedOut].map((context) => context.close()));
    }
  }
}

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
async function liveThrough(page, search, scripts) {
  await go(page, "/alerts");
  await page.getByLabel("Search").fill(search);
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

/** Events are filtered and looked at. */
async function lookAtEvents(page, scripts) {
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
}

/** What an event says is shown and does nothing. */
async function lookAtHostileEvent(page) {
  for (const where of [`/events/${given["hostile-event"]}`, "/events", "/"]) {
    await go(page, where);
    await examine(page, `hostile text at ${where}`);
    check((await page.locator("main script, main img, main iframe").count()) === 0, `${where}: no element comes from an event`);
    const text = await page.locator("main").innerText();
    check(!/[\u202a-\u202e\u2066-\u2069\u001b]/.test(text), `${where}: nothing reorders the line or speaks to a terminal`);
    if (where !== "/") check(text.includes("<script>"), `${where}: it is shown as text`);
  }
  const links = await page.locator("a[href^='javascript:' i]").count();
  check(links === 0, "no link runs a script");
}

/** A threshold is tried, kept and given back. */
async function changePattern(page, scripts) {
  await go(page, "/patterns");
  await page.getByRole("link", { name: "Failed sign-ins", exact: true }).click();
  await page.waitForURL(/FAILED_AUTH/);
  await examine(page, "pattern", { scripts });
  const threshold = page.getByLabel("Threshold");
  await threshold.fill("2");
  await page.getByRole("button", { name: "Preview" }).click();
  await page.waitForURL(/preview=1/);
  check(page.url().includes("threshold=2"), "the address holds what is tried");
  check((await threshold.inputValue()) === "2", "the form keeps it");
  check((await page.getByRole("heading", { name: "What these values would have raised" }).count()) === 1, "the preview is shown");
  await threshold.fill("none");
  expectedFailures += 1;
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("alert").waitFor();
  check((await page.locator(".setting.wrong").innerText()).includes("is not a whole number"), "a mistake stands at its field");
  check((await threshold.inputValue()) === "none", "the form is as it was");
  await threshold.fill("4");
  await page.getByRole("button", { name: "Save" }).click();
  await page.waitForURL(/saved=1/);
  check((await page.locator("form.settings").innerText()).includes(`changed here by ${given.user}`), "who changed it is told");
  await page.getByRole("button", { name: /Back to the file’s value of Threshold/ }).click();
  await page.waitForLoadState();
  check((await threshold.inputValue()) === "5", "the file's value holds again");
  await go(page, SETTINGS["pattern-of"]);
  await examine(page, "hostile organisation", { scripts });
  await threshold.fill("40");
  await page.getByRole("button", { name: "Save" }).click();
  await page.waitForURL(/saved=1/);
  for (const where of ["/patterns/DATA_VELOCITY", "/settings"]) {
    await go(page, where);
    await examine(page, `hostile organisation at ${where}`, { scripts });
    const text = await page.locator("main").innerText();
    check(text.includes("<img src=x") && !/[\u202a-\u202e]/.test(text), `${where}: the name is shown as text`);
    check((await page.locator("main img").count()) === 0, `${where}: no element comes from a name`);
  }
  await go(page, SETTINGS["pattern-of"]);
  await page.getByRole("button", { name: /^Back to/ }).click();
  await page.waitForLoadState();
}

/** Sends an event as a program does. */
async function send(event) {
  const headers = { "X-API-Key": given.key, "Content-Type": "application/json" };
  const answer = await fetch(`${base}/api/v1/audit/events`, { method: "POST", headers, body: JSON.stringify(event) });
  check(answer.status === 201, `an event is stored: ${answer.status}`);
}

const HOSTILE = "<img src=x onerror=\"document.title='pwned'\">\u202egnp";
const offHours = (principalId) => ({ timestamp: "2026-01-05T23:10:00Z", action: "data.update", status: "success", organizationId: "night-ward", principalId });

/** What is new arrives by itself: numbers, alerts, events; and a lost connection says so and comes back. */
async function listen(page, context) {
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
  expectedBreaks = true;
  await page.evaluate(() => { document.dispatchEvent(new Event("visibilitychange")); });
  await page.locator("#connection.lost").waitFor();
  check(/trying again/i.test(await page.locator("#connection").innerText()), "a lost connection says so");
  await page.unroute("**/live?*");
  await page.waitForFunction(() => /again\./.test(document.getElementById("connection").textContent), undefined, { timeout: STEP_MS });
  expectedBreaks = false;
  check(context.pages().length > 0, "the page is still there");
}

/** The keyboard does what the help says, and ticked alerts are changed at once. */
async function typeKeys(page) {
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
  check((await page.locator(".history li").first().innerText()).includes("First event"), "the history begins with its first event");
}

/** Steps on many alerts need no script, and the command can be read. */
async function stepWithoutScripts(page) {
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
async function copy(page, context) {
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

/** What was done is told, filtered, and leads to what it is about. */
async function lookAtActivity(page, scripts) {
  await go(page, "/activity");
  const rows = page.locator("main tbody tr");
  check((await rows.first().innerText()).includes("searched the"), `the last search is told first: ${await rows.first().innerText()}`);
  await page.getByLabel("Kind").selectOption("alerts");
  await page.getByLabel("Who, or to whom").fill(given.user);
  await page.getByRole("button", { name: "Apply" }).click();
  await page.waitForURL(/kind=alerts/);
  await examine(page, "activity", { scripts });
  check((await rows.first().innerText()).includes("dismissed an alert"), `the last step comes first: ${await rows.first().innerText()}`);
  check((await page.locator("main tbody").innerText()).includes("looking into it <b>"), "a note is text");
  await rows.first().getByRole("link", { name: "the alert" }).click();
  await page.waitForURL(/\/alerts\/[0-9a-f-]{36}/);
  await go(page, "/activity?person=nobody-of-this-name");
  check((await page.locator("main").innerText()).includes("Nothing matches"), "nothing found is said");
}

/** What is proven is said, and printed. */
async function lookAtIntegrity(page, scripts) {
  await go(page, "/integrity");
  await page.getByRole("heading", { name: "What is proven", exact: true }).waitFor();
  const main = await page.locator("main").innerText();
  check(/first [\d,]+ entries are sealed/.test(main), "it says how many entries are proven");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download the checkpoint" }).click()]);
  const checkpoint = fs.readFileSync(await download.path(), "utf8");
  check(checkpoint.split("\n")[1].match(/^\d+$/), `the download is a checkpoint: ${checkpoint}`);
  await page.getByRole("link", { name: "Sheet to print" }).click();
  await page.waitForURL(/\/integrity\/sheet/);
  await examine(page, "sheet", { scripts });
  check((await page.locator("svg.qr").count()) === 1, "the sheet has one QR code");
  check((await page.locator("pre").innerText()).startsWith(checkpoint.split("\n")[0]), "the sheet has the checkpoint's text");
  check((await page.getByRole("button", { name: "Print" }).isVisible()) === scripts, "the button to print is there where it works");
  await page.emulateMedia({ media: "print" });
  check(!(await page.locator(".side").isVisible()) && !(await page.locator("footer").isVisible()), "on paper there is the sheet alone");
  if (scripts) await page.screenshot({ path: path.join(given.shots, "sheet-print.png"), fullPage: true });
  await page.emulateMedia({ media: "screen" });
}

async function signOut(page) {
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/\/sign-in/);
  await page.goto(`${base}/alerts`);
  check(page.url().includes("/sign-in"), "after signing out a page asks to sign in");
}

/** Everything that people do, with scripts or without. */
async function work(browser, { scripts, search }) {
  const context = await open(browser, { javaScriptEnabled: scripts, viewport: SIZES[0] });
  const page = await context.newPage();
  await go(page, "/alerts");
  check(page.url().includes("/sign-in"), "a page asks to sign in first");
  expectedFailures += 1;
  await signIn(page, given.user, "not the password");
  await page.getByRole("alert").waitFor();
  check((await page.getByRole("alert").innerText()).includes("not right"), "a wrong password is told");
  await signIn(page, given.user, password);
  await page.waitForURL(/\/alerts/);
  check(page.url() === `${base}/alerts`, `back to where one wanted to go: ${page.url()}`);
  await liveThrough(page, search, scripts);
  await lookAtEvents(page, scripts);
  await lookAtActivity(page, scripts);
  await lookAtIntegrity(page, scripts);
  if (scripts) {
    await lookAtHostileEvent(page);
    await listen(page, context);
    await typeKeys(page);
    await copy(page, context);
  } else await stepWithoutScripts(page);
  await changePattern(page, scripts);
  const state = await context.storageState();
  if (scripts) {
    await go(page, "/");
    await page.getByRole("button", { name: /^Theme/ }).click();
    check((await page.locator("html").getAttribute("data-theme")) === "light", "the theme can be chosen");
    await page.keyboard.press("Tab");
  }
  await signOut(page);
  await context.close();
  return state;
}

fs.mkdirSync(given.shots, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.SEALWATCH_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
});
try {
  await work(browser, { scripts: true, search: "owl" });
  await work(browser, { scripts: false, search: "bat" });
  const context = await open(browser, { viewport: SIZES[0] });
  const page = await context.newPage();
  await go(page, "/sign-in");
  await signIn(page, given.user, password);
  await page.waitForURL(`${base}/`);
  const state = await context.storageState();
  await visitAll(browser, state, await addresses(page));
  await context.close();
} catch (error) {
  trouble(error.stack);
} finally {
  await browser.close();
}
if (expectedFailures > 0) trouble(`${expectedFailures} refusals that were expected did not come`);
console.log(`browser: ${checks} checks, ${troubles.length} troubles; pictures in ${given.shots}`);
process.exit(troubles.length === 0 ? 0 : 1);
