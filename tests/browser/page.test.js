// Stories of the page that the phone serves: what a person sees and does there.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { card, dial, launch, openPage, signIn } from "./browser.js";
import { PAGE, Phone } from "./phone.js";

const WIDE = { viewport: { width: 1280, height: 800 } };

let phone;
let browser;
let pages = [];

before(async () => {
    browser = await launch();
});
after(() => browser.close());

beforeEach(async () => {
    phone = await Phone.start();
    pages = [];
});
afterEach(async () => {
    for (const page of pages) {
        assert.deepEqual(page.faults, [], "the page complains to the console");
        await page.context().close();
    }
    await phone.stop();
});

async function open(options = WIDE, url = PAGE) {
    const page = await openPage(browser, options, url);
    pages.push(page);
    return page;
}

async function openSignedIn(options, url) {
    const page = await open(options, url);
    await signIn(page);
    await page.locator("#accounts").getByText("Connected", { exact: true }).waitFor();
    return page;
}

/** Another phone, with other settings. */
async function startWith(settings) {
    await phone.stop();
    phone = await Phone.start(settings);
}

async function connectAccount(page, number, password) {
    const accounts = page.locator("#accounts");
    await accounts.getByText("Connect an account").click();
    await accounts.getByLabel("Number or user").fill(number);
    await accounts.getByLabel("Domain").fill(phone.domain);
    await accounts.getByLabel("Password").fill(password);
    await accounts.getByRole("button", { name: "Connect", exact: true }).click();
}

async function openInCallWith(number, options) {
    const page = await openSignedIn(options);
    await dial(page, number);
    await card(page, number).getByText(/^Connected/).waitFor();
    return page;
}

/** The API's messages that the page shows, of that name, parsed. */
async function messages(page, name) {
    const rows = page.locator("#messages li").filter({ has: page.locator("b", { hasText: new RegExp(`^${name}$`) }) });
    return (await rows.locator("code").allTextContents()).map((text) => JSON.parse(text));
}

test("a wrong password is answered in plain words, and a right one opens the phone", async () => {
    const page = await open();
    await signIn(page, { password: "wrong" });
    await page.getByText("User and password don't fit").waitFor();
    await signIn(page);
    await page.getByText("1000@").waitFor();
    assert.equal(await page.locator("#sign-in").isVisible(), false);
});

test("a call to the echo is dialled by the pad, answered and hung up", async () => {
    const page = await openInCallWith("600");
    await card(page, "600").getByRole("button", { name: "Hang up" }).click();
    await page.getByText(/^Ended after 0:0/).waitFor();
    assert.equal(await card(page, "600").count(), 0);
});

test("a call that fails says why, and can be placed again", async () => {
    const page = await openSignedIn();
    await page.getByLabel("Number", { exact: true }).fill("486");
    await page.keyboard.press("Enter");
    await page.getByText("Busy (486)", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Call 486 again" }).click();
    await page.getByText("Busy (486)", { exact: true }).nth(1).waitFor();
    const [first, second] = await messages(page, "startcall");
    const [{ data: { connectionId } }] = await messages(page, "OnNewCall");
    assert.deepEqual([first.connectionId, second.connectionId], [undefined, connectionId]);
});

test("who signs in next sees nothing of the calls before, not even of a phone that counts them anew", async () => {
    const page = await openSignedIn();
    const again = page.getByRole("button", { name: /^Call \d+ again$/ });
    await dial(page, "486");
    await again.waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await signIn(page);
    await page.locator("#accounts").getByText("Connected", { exact: true }).waitFor();
    assert.deepEqual([await again.count(), (await messages(page, "OnFinalizedCall")).length], [0, 0]);

    await dial(page, "404");
    await again.waitFor();
    await phone.restart();
    await signIn(page);
    await page.locator("#accounts").getByText("Connected", { exact: true }).waitFor();
    await dial(page, "486");
    await again.waitFor();
    assert.deepEqual(await again.evaluateAll((them) => them.map((it) => it.ariaLabel)), ["Call 486 again"]);
    page.faults = page.faults.filter((fault) => !fault.includes("ERR_CONNECTION_REFUSED"));
});

test("keys reach the other side by button and keyboard, and what it sends is shown", async () => {
    const page = await openInCallWith("605");
    const call = card(page, "605");
    await call.getByRole("button", { name: "Keys" }).click();
    for (const key of ["4", "star", "2"]) await call.getByRole("button", { name: key, exact: true }).click();
    await page.keyboard.press("7");
    await call.getByText("4*27", { exact: true }).waitFor();
    // What is pressed during its beeps the exchange doesn't repeat.
    const repeated = call.getByText(/^Keys from the other side: .*#$/);
    const isRepeated = () => repeated.waitFor({ timeout: 500 }).then(() => true, () => false);
    do await page.keyboard.press("#"); while (!await isRepeated());
});

test("a call is held and resumed", async () => {
    const page = await openInCallWith("600");
    const hold = card(page, "600").getByRole("button", { name: "Hold" });
    await hold.click();
    await card(page, "600").getByText("On hold").waitFor();
    assert.equal(await hold.getAttribute("aria-pressed"), "true");
    await hold.click();
    await card(page, "600").getByText("Connected", { exact: true }).waitFor();
});

test("a hold of the other side is shown", async () => {
    const page = await openInCallWith("606");
    await card(page, "606").getByText("Held by the other side").waitFor();
});

test("mute is a switch, on every page", async () => {
    const page = await openInCallWith("600");
    const other = await openSignedIn();
    const mute = card(page, "600").getByRole("button", { name: "Mute" });
    await mute.click();
    await card(page, "600").getByText("Connected, you are muted").waitFor();
    await card(other, "600").getByText("Connected, you are muted").waitFor();
    await mute.click();
    await card(other, "600").getByText("Connected", { exact: true }).waitFor();
});

test("a call is transferred", async () => {
    const page = await openInCallWith("600");
    const call = card(page, "600");
    await call.getByRole("button", { name: "Transfer" }).click();
    await call.getByLabel("Transfer to").fill("602");
    await page.keyboard.press("Enter");
    await page.locator("#calls").getByText("Transferred", { exact: true }).waitFor();
});

test("a transfer that fails leaves the call, and says why", async () => {
    const page = await openInCallWith("600");
    const call = card(page, "600");
    await call.getByRole("button", { name: "Transfer" }).click();
    await call.getByLabel("Transfer to").fill("999");
    await page.keyboard.press("Enter");
    await call.getByText("The transfer failed: No such number (404)").waitFor();
});

test("a call comes in, shows in the tab's title, and is answered", async () => {
    const page = await openSignedIn();
    await dial(page, "603");
    await page.getByRole("button", { name: "Answer" }).click();
    await page.getByRole("listitem", { name: /^Call with/ }).getByText(/^Connected/).waitFor();
    assert.equal(await page.title(), "neonphone");
});

test("a call that comes in is declined", async () => {
    const page = await openSignedIn();
    await dial(page, "603");
    await page.getByRole("button", { name: "Answer" }).waitFor();
    await page.waitForFunction(() => document.title.includes(" calls – "));
    await page.getByRole("button", { name: "Decline" }).click();
    await page.getByText("Declined", { exact: true }).waitFor();
});

test("a call that is declined by another status is no missed one", async () => {
    await startWith("[calls]\ndecline_status = 603");
    const page = await openSignedIn();
    await dial(page, "603");
    await page.getByRole("button", { name: "Decline" }).click();
    await page.getByText("Declined", { exact: true }).waitFor();
});

test("a reload in mid-call finds the call as it was, without signing in", async () => {
    const page = await openInCallWith("600");
    await card(page, "600").getByRole("button", { name: "Hold" }).click();
    await card(page, "600").getByText("On hold").waitFor();
    await page.reload();
    await card(page, "600").getByText("On hold").waitFor();
    await card(page, "600").getByRole("button", { name: "Hold" }).click();
    await card(page, "600").getByText("Connected", { exact: true }).waitFor();
    assert.deepEqual(await messages(page, "authenticate"), []);
});

test("two pages at once see the same calls, and either ends them", async () => {
    const one = await openSignedIn();
    const other = await openSignedIn({ viewport: { width: 360, height: 740 } });
    await dial(one, "600");
    await card(other, "600").getByText(/^Connected/).waitFor();
    await card(other, "600").getByRole("button", { name: "Hang up" }).click();
    await one.getByText(/^Ended after/).waitFor();
});

test("showui hides every page at once, those that open later too, and shows them again", async () => {
    const one = await openSignedIn();
    const other = await openSignedIn();
    // A program on a connection of its own.
    await one.evaluate(async () => {
        const socket = new WebSocket("ws://localhost:15070/");
        await new Promise((resolve) => { socket.onopen = resolve; });
        socket.send(JSON.stringify({ action: "authenticate", user: "operator", password: "open sesame" }));
        const { data } = await new Promise((resolve) => { socket.onmessage = resolve; });
        socket.send(JSON.stringify({ action: "showui", token: JSON.parse(data).data.token, show: false }));
    });
    for (const page of [one, other]) {
        await page.getByText("A program has hidden the phone.").waitFor();
        assert.equal(await page.locator("#phone").isVisible(), false);
    }
    const later = await open();
    await signIn(later);
    await later.getByText("A program has hidden the phone.").waitFor();
    await later.getByRole("button", { name: "Show it" }).click();
    for (const page of [one, other, later]) await page.locator("#phone").waitFor();
});

test("another account is connected, calls the first, and is disconnected", async () => {
    const page = await openSignedIn();
    const accounts = page.locator("#accounts");
    await connectAccount(page, "1001", "demo");
    const second = accounts.getByRole("listitem").filter({ hasText: "1001@" });
    await second.getByText("Connected", { exact: true }).waitFor();

    await page.getByLabel("Call from").selectOption({ label: `1001@${phone.domain}` });
    await dial(page, "1000");
    await page.getByRole("button", { name: "Answer" }).click();
    // Both ends are this phone's, where one call speaks at a time.
    await card(page, "1001").getByText("On hold", { exact: true }).waitFor();

    await second.getByRole("button", { name: "Disconnect" }).click();
    await second.waitFor({ state: "detached" });
    assert.equal(await page.locator("#notice").isVisible(), false);
});

test("a refused account says so", async () => {
    const page = await openSignedIn();
    await connectAccount(page, "1001", "wrong");
    await page.locator("#accounts").getByText("Refused by the server").waitFor();
});

test("a refused account is gone from every page with the one that tried it", async () => {
    const [one, other] = [await openSignedIn(), await openSignedIn()];
    await connectAccount(one, "1001", "wrong");
    const refused = other.locator("#accounts").getByText("Refused by the server");
    await refused.waitFor();
    await one.goto("about:blank");
    await refused.waitFor({ state: "detached" });
});

test("an account that another page makes its own is no longer this page's to disconnect", async () => {
    const [one, other] = [await openSignedIn(), await openSignedIn()];
    await connectAccount(one, "1001", "demo");
    const disconnect = (page) => page.locator("#accounts").getByRole("button", { name: "Disconnect" });
    await disconnect(one).waitFor();
    await one.getByRole("button", { name: "Sign out" }).click();
    await signIn(one);
    await disconnect(one).waitFor();

    await connectAccount(other, "1001", "demo");
    await disconnect(other).waitFor();
    await disconnect(one).waitFor({ state: "hidden" });
});

test("levels of both directions move in a call, and only while somebody looks", async () => {
    const page = await openInCallWith("600");
    const levels = card(page, "600");
    for (const name of ["You", "Them"]) {
        const meter = levels.getByLabel(name);
        await meter.waitFor();
        // The microphone plays a tone of -6 dBFS, which the echo sends back.
        await page.waitForFunction((meter) => meter.value > -12, await meter.elementHandle());
    }
    await card(page, "600").getByRole("button", { name: "Hold" }).click();
    await levels.getByLabel("You").waitFor({ state: "hidden" });
    assert.deepEqual((await messages(page, "watchlevels")).map(({ watch }) => watch), [true, false]);
});

test("the log of messages shows what passes, and no password or token", async () => {
    const page = await openInCallWith("600");
    const [asked] = await messages(page, "startcall");
    assert.equal(asked.number, "600");
    assert.equal((await messages(page, "OnAcceptCall")).length, 1);
    const log = await page.locator("#messages").textContent();
    const token = await page.evaluate(() => sessionStorage.getItem("token"));
    assert.ok(!log.includes("open sesame") && !log.includes(token), log);
});

test("the keyboard alone is enough", async () => {
    const page = await open();
    await page.locator("#sign-in [name=user]:focus").waitFor();
    await page.keyboard.type("operator");
    await page.keyboard.press("Tab");
    await page.keyboard.type("open sesame");
    await page.keyboard.press("Enter");
    await page.getByText("1000@").waitFor();
    await page.keyboard.type("600");
    await page.keyboard.press("Enter");
    const call = card(page, "600");
    await call.getByText(/^Connected/).waitFor();
    const hangUp = call.getByRole("button", { name: "Hang up" });
    for (let presses = 0; !await hangUp.evaluate((button) => button === document.activeElement); presses += 1) {
        assert.ok(presses < 12, "Hang up can't be reached");
        await page.keyboard.press("Shift+Tab");
    }
    await page.keyboard.press("Enter");
    await page.getByText(/^Ended after/).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), "calls-heading");
});

test("every control has a name, and nothing is wider than the narrowest screen", async () => {
    const page = await openInCallWith("600", { viewport: { width: 320, height: 640 } });
    await card(page, "600").getByRole("button", { name: "Keys" }).click();
    await page.getByText("Connect an account").click();
    const controls = page.locator("button:visible, input:visible, select:visible, meter:visible");
    const nameless = await controls.evaluateAll((controls) => controls.filter((control) => {
        const text = control.textContent + (control.labels?.[0]?.textContent ?? "");
        return (control.getAttribute("aria-label") ?? text).trim() === "";
    }).map((control) => control.outerHTML));
    assert.deepEqual(nameless, []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
});

test("a phone that goes away and comes back is found again", async () => {
    const page = await openSignedIn();
    const gone = page.locator("#link").getByText("Connecting…").waitFor();
    await phone.restart();
    await gone;
    // A new phone knows no token of the old one.
    await signIn(page);
    await page.locator("#accounts").getByText("Connected", { exact: true }).waitFor();
    // The browser complains of sockets that found nobody.
    page.faults = page.faults.filter((fault) => !fault.includes("ERR_CONNECTION_REFUSED"));
});

test("a phone that answers no more is noticed over a network, and found again without signing in", async () => {
    const url = "http://phone.localhost:15070/";
    await startWith(`origins = ["${new URL(url).origin}"]\n[api]\nhosts = ["phone.localhost"]`);
    const page = await openSignedIn({ ...WIDE, clock: true }, url);
    phone.stall();
    // It is asked every 20 s, and has 10 s to answer.
    await page.clock.runFor(31_000);
    await page.locator("#link").getByText("Connecting…").waitFor();
    phone.goOn();
    await page.locator("#link").getByText("Connected").waitFor();
    assert.deepEqual((await messages(page, "authenticate")).length, 1);
});

test("the page is served with a strict policy, and to nobody who calls the phone by another name", async () => {
    const page = await open();
    const { headers } = await page.evaluate(async () => {
        const answer = await fetch("/");
        return { headers: Object.fromEntries(answer.headers) };
    });
    const policy = headers["content-security-policy"];
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.equal(headers["x-content-type-options"], "nosniff");
    const foreign = await page.context().request.get(PAGE, { headers: { Host: "evil.example" } });
    assert.equal(foreign.status(), 403);
});
