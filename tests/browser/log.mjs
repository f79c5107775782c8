// What was done, and what is proven.
import fs from "node:fs";
import path from "node:path";
import { check, examine, given, go } from "./harness.mjs";

/** What was done is told, filtered, and leads to what it is about. */
export async function lookAtActivity(page, scripts) {
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
export async function lookAtIntegrity(page, scripts) {
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
