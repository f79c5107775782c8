// Visits every page of a running appliance in Chromium and does what people do there; any trouble makes it fail.
//
//   SEALWATCH_PASSWORD=… node run.mjs --base URL --user NAME --key API-KEY --hostile-event ID --shots DIR
//
// `harness.mjs` has what all parts use, `pages.mjs` the table of all pages; the other files are what people do, by area.
import fs from "node:fs";
import { chromium } from "playwright-core";
import { copy, liveThrough, stepWithoutScripts, typeKeys } from "./alerts.mjs";
import { followText, listen, lookAtEvents, lookAtHostileEvent, searchText } from "./events.mjs";
import { base, check, checked, expected, given, go, open, password, signIn, SIZES, trouble, troubles } from "./harness.mjs";
import { lookAtActivity, lookAtIntegrity } from "./log.mjs";
import { everyPage, visitAll } from "./pages.mjs";
import { exportAll, lookAtOne, narrowDown, saveSearch } from "./search.mjs";
import { changeLevel, changePattern } from "./settings.mjs";

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
  expected.failures += 1;
  await signIn(page, given.user, "not the password");
  await page.getByRole("alert").waitFor();
  check((await page.getByRole("alert").innerText()).includes("not right"), "a wrong password is told");
  await signIn(page, given.user, password);
  await page.waitForURL(/\/alerts/);
  check(page.url() === `${base}/alerts`, `back to where one wanted to go: ${page.url()}`);
  await liveThrough(page, search, scripts);
  await lookAtEvents(page, scripts);
  await searchText(page, scripts);
  await narrowDown(page, scripts);
  await saveSearch(page);
  await exportAll(page);
  await lookAtOne(page, scripts);
  await lookAtActivity(page, scripts);
  await lookAtIntegrity(page, scripts);
  if (scripts) {
    await lookAtHostileEvent(page);
    await listen(page, context);
    await followText(page);
    await typeKeys(page);
    await copy(page, context);
  } else await stepWithoutScripts(page);
  await changePattern(page, scripts);
  await changeLevel(page, scripts);
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
  await visitAll(browser, state, await everyPage(page));
  await context.close();
} catch (error) {
  trouble(error.stack);
} finally {
  await browser.close();
}
if (expected.failures > 0) trouble(`${expected.failures} refusals that were expected did not come`);
console.log(`browser: ${checked()} checks, ${troubles.length} troubles; pictures in ${given.shots}`);
process.exit(troubles.length === 0 ? 0 : 1);
