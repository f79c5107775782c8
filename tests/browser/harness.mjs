// What all parts of the browser tests use: the arguments, what counts as trouble, and the first steps on a page.
import assert from "node:assert/strict";
import { parseArgs } from "node:util";

export const { values: given } = parseArgs({
  options: Object.fromEntries(["base", "user", "hostile-event", "shots", "key"].map((name) => [name, { type: "string" }])),
});
export const base = given.base;
export const password = process.env.SEALWATCH_PASSWORD;
assert(base && given.user && password && given.shots, "--base, --user, --shots and SEALWATCH_PASSWORD are needed");
export const SIZES = [{ width: 1440, height: 900 }, { width: 360, height: 740 }];
export const STEP_MS = 20_000;
/** Text that tries to do something to whoever looks at it; only characters that no browser shows as they are. */
export const HOSTILE = "<img src=x onerror=\"document.title='pwned'\">\u202egnp";

export const troubles = [];
/** What a step provokes and announces before: answers of 400 and more, and cut lines. */
export const expected = { failures: 0, breaks: false };
let checks = 0;
export const checked = () => checks;
export const trouble = (text) => {
  console.error(`trouble: ${text}`);
  troubles.push(text);
};
export const check = (condition, text) => {
  checks += 1;
  if (!condition) trouble(text);
};

/** A browser context whose pages report everything that should not happen. */
export async function open(browser, options) {
  const context = await browser.newContext({ timezoneId: "Europe/Berlin", ...options });
  context.setDefaultTimeout(STEP_MS);
  context.on("page", (page) => {
    const at = () => new URL(page.url(), base).pathname;
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      // The browser itself reports each answer of 400 and more; those that a step provokes are announced.
      if (expected.breaks && /ERR_CONNECTION_RESET/.test(message.text())) return;
      if (expected.failures > 0 && /the server responded with a status of (40[0149]|422|429)/.test(message.text())) expected.failures -= 1;
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
      if (!why.includes("ERR_ABORTED") && !(expected.breaks && why.includes("ERR_CONNECTION_RESET"))) trouble(`failed: ${request.url()} ${why}`);
    });
  });
  return context;
}

export async function go(page, where, status = 200) {
  if (status >= 400) expected.failures += 1;
  const answer = await page.goto(base + where);
  check(answer.status() === status, `${where}: ${answer.status()}, not ${status}`);
}

export async function signIn(page, name, word) {
  await page.getByLabel("User", { exact: true }).fill(name);
  await page.getByLabel("Password").fill(word);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** The things that hold for every page. */
export async function examine(page, name, { scripts = true } = {}) {
  const wide = scripts && (await page.evaluate(() => document.documentElement.scrollWidth - innerWidth));
  check(!(wide > 0), `${name}: ${wide} pixels wider than the window`);
  check((await page.locator("h1").count()) === 1, `${name}: there is one heading of the first level`);
  check((await page.locator("main").count()) === 1, `${name}: there is one main part`);
  check(!/^(\(\d+\) )?pwned$/.test(await page.title()), `${name}: a script of an event ran`);
}

/** Sends an event as a program does. */
export async function send(event) {
  const headers = { "X-API-Key": given.key, "Content-Type": "application/json" };
  const answer = await fetch(`${base}/api/v1/audit/events`, { method: "POST", headers, body: JSON.stringify(event) });
  check(answer.status === 201, `an event is stored: ${answer.status}`);
}
