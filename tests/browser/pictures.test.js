// Pictures of the page, for people to look at: PICTURES names the folder to put them in. `page.png` is README's.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { card, dial, launch, openPage, signIn } from "./browser.js";
import { Phone } from "./phone.js";

const folder = process.env.PICTURES;

const skip = !folder && "PICTURES names no folder";

test("pictures of the page on narrow and wide screens, light and dark", { skip }, async () => {
    await mkdir(folder, { recursive: true });
    const phone = await Phone.start();
    const browser = await launch();
    for (const [width, height] of [[360, 740], [1280, 800]]) {
        for (const colorScheme of ["light", "dark"]) {
            const page = await openPage(browser, { viewport: { width, height }, colorScheme });
            const take = (what) => {
                const path = join(folder, `${what}-${width}-${colorScheme}.png`);
                return page.screenshot({ path, fullPage: true });
            };
            await page.locator("#sign-in").waitFor();
            await take("sign-in");
            await signIn(page);
            await page.locator("#accounts").getByText("Connected", { exact: true }).waitFor();
            await take("rest");
            await dial(page, "486");
            await page.getByText("Busy (486)", { exact: true }).waitFor();
            await dial(page, "603");
            await page.locator("#calls").getByText(/^Ended after/).waitFor();
            await dial(page, "600");
            await card(page, "600").getByLabel("Them").waitFor();
            await page.getByRole("button", { name: "Answer" }).waitFor();
            await take("calls");
            if (width === 1280 && colorScheme === "light") await page.screenshot({ path: join(folder, "page.png") });
            await page.getByRole("button", { name: "Decline" }).click();
            await card(page, "600").getByRole("button", { name: "Keys" }).click();
            await card(page, "600").getByRole("button", { name: "Transfer", exact: true }).click();
            await page.getByText("Connect an account").click();
            await take("all");
            await card(page, "600").getByRole("button", { name: "Hang up" }).click();
            await page.context().close();
        }
    }
    await browser.close();
    await phone.stop();
});
