// A person at the page who calls a number, says on standard output when it has answered, and hangs up when standard input
// ends: for stories of sound (tests/interop).
//   caller.js NUMBER

import { card, dial, launch, openPage, signIn } from "./browser.js";

const [, , number] = process.argv;
const browser = await launch();
const page = await openPage(browser);
await signIn(page);
await dial(page, number);
await card(page, number).getByText(/^Connected/).waitFor();
console.log("connected");
for await (const _ of process.stdin);
await card(page, number).getByRole("button", { name: "Hang up" }).click();
await page.getByText(/^Ended after/).waitFor();
await browser.close();
