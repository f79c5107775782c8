// Searching events and alerts, keeping a search, taking everything away as a file, and all of one principal or resource.
import fs from "node:fs";
import { base, check, examine, given, go } from "./harness.mjs";

const found = async (page) => Number((await page.locator(".head .muted").innerText()).replace(/\D/g, ""));

/** A search from any page, narrowed by what was counted, by time, and widened again. */
export async function narrowDown(page, scripts) {
  await go(page, "/sources");
  await page.getByRole("searchbox", { name: "Search everything" }).fill("fhir.*");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/search\?q=fhir/);
  await examine(page, "search", { scripts });
  const all = await found(page);
  check(all >= 60, `all that begins so is found: ${all}`);
  check((await page.locator("section.found tbody tr").count()) === 25, "a page of them is shown");
  const value = page.locator('ul[aria-labelledby="by-principal"] li').first();
  const count = Number(await value.locator(".number").innerText());
  await value.locator("a").first().click();
  await page.waitForURL(/principal/);
  check((await found(page)) === count && count < all, `a value leads to its events: ${count} of ${all}`);
  await page.getByRole("list", { name: "Conditions" }).getByRole("link").last().click();
  await page.waitForURL(/\/search\?q=fhir/);
  check((await found(page)) === all, "without the condition there are all again");
  await page.locator('ul[aria-labelledby="by-principal"] li .without').first().click();
  await page.waitForURL(/principal/);
  check((await found(page)) === all - count, "and without the value the others");
  await page.goBack();
  await page.locator("svg.chart a").first().click();
  await page.waitForURL(/from=/);
  check((await found(page)) < all, "a bar leads to its stretch of time");
  await page.getByLabel("Order").selectOption("relevance");
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await page.waitForURL(/sort=relevance/);
  check(page.url().includes("from="), "and the time stays as it is");
}

/** A search is kept under a name, found again, and forgotten. */
export async function saveSearch(page) {
  const name = `Night <b>${given.user}</b>`;
  await go(page, "/search?q=org:night-ward&sort=relevance");
  const kept = page.locator("details.kept");
  await kept.locator("summary").click();
  await page.getByLabel("Keep this search as").fill(name);
  await page.getByRole("button", { name: "Save search" }).click();
  await page.waitForLoadState();
  await go(page, "/search");
  if (!(await kept.evaluate((details) => details.open))) await kept.locator("summary").click();
  await page.getByRole("link", { name }).click();
  await page.waitForURL(/org(:|%3A)night-ward/);
  check(page.url().includes("sort=relevance"), `a kept search has its whole state: ${page.url()}`);
  if (!(await kept.evaluate((details) => details.open))) await kept.locator("summary").click();
  await page.getByRole("button", { name: `Remove ${name}` }).click();
  await page.waitForLoadState();
  await go(page, "/search");
  check((await page.getByRole("link", { name }).count()) === 0, "a search that was removed is gone");
}

/** All that matches, as files. */
export async function exportAll(page) {
  for (const [where, word] of [["/search?q=principal:nurse-*", "CSV"], ["/events?principal=nurse-1", "NDJSON"], ["/alerts?status=all", "CSV"]]) {
    await go(page, where);
    const number = Number((await page.locator(".head .muted").first().innerText()).match(/([\d,]+)(?= (event|alert))/)[1].replace(",", ""));
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".exports a", { hasText: new RegExp(`^${word}$`) }).click()]);
    const lines = fs.readFileSync(await download.path(), "utf8").trimEnd().split("\n").length - (word === "CSV" ? 1 : 0);
    check(lines === number && number > 3, `${where} as ${word}: ${lines} lines for ${number}`);
    check(download.suggestedFilename().endsWith(`.${word.toLowerCase()}`), download.suggestedFilename());
  }
}

/** Everything that one did, and what was done to one thing. */
export async function lookAtOne(page, scripts) {
  await go(page, "/events?principal=nurse-1");
  await page.locator("main tbody a", { hasText: "nurse-1" }).first().click();
  await page.waitForURL(/\/principal\?id=nurse-1/);
  await examine(page, "principal", { scripts });
  check(/first seen .* last seen/s.test(await page.locator(".about").innerText()), "it says when it was seen");
  const main = await page.locator("main").innerText();
  check(main.includes("By hour of the week") && main.includes("fhir.patient.read"), "it says what was done, and when");
  await page.locator("main a[href^='/resource?']").first().click();
  await page.waitForURL(/\/resource\?/);
  await examine(page, "resource", { scripts });
  check((await page.locator("main a[href^='/principal?']").count()) > 0, "what was dealt with leads back to who did");
  check(page.url().startsWith(base), "and all of it is here");
}
