// Visits every page of a running appliance in Chromium and does what people do there; any trouble makes it fail.
//
//   SEALWATCH_PASSWORD=… node run.mjs --base URL --user NAME --hostile-event ID --shots DIR
import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values: given } = parseArgs({
  options: Object.fromEntries(["base", "user", "hostile-event", "shots"].map((name) => [name, { type: "string" }])),
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
      if (!why.includes("ERR_ABORTED")) trouble(`failed: ${request.url()} ${why}`);
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
  return { overview: "/", alerts: "/alerts?status=all", alert, events: "/events", event, hostile: `/events/${given["hostile-event"]}`, missing: "/nothing-here", ...SETTINGS };
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
  if (scripts) await lookAtHostileEvent(page);
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
