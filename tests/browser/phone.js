// The phone under test: the real binary with its demonstration exchange, in a folder of its own, at the usual port.
// The suite runs in a network namespace of its own (see `run`), so that the port is free.

import { spawn } from "node:child_process";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const PAGE = "http://localhost:15070/";
export const USER = "operator";
export const PASSWORD = "open sesame";

/** The weakest hash that there can be, so that a debug build checks it at once. */
const HASH = "$argon2id$v=19$m=8,t=1,p=1$CQkJCQkJCQkJCQkJCQkJCQ$I24h0/2U2UqGacmTIGmciT1u+/UPZMhRmF+psdFmfUY";

/** How long a phone has to start and to stop. */
const PATIENCE_MS = 15_000;

/** A tone of half of full scale for the microphone: PCM of 16 bits at 8 kHz, a second long. */
function tone() {
    const samples = Int16Array.from({ length: 8000 }, (_, at) => 16384 * Math.sin(2 * Math.PI * 440 * at / 8000));
    const head = Buffer.alloc(44);
    head.write("RIFF", 0);
    head.writeUInt32LE(36 + samples.byteLength, 4);
    head.write("WAVEfmt ", 8);
    head.writeUInt32LE(16, 16);
    head.writeUInt16LE(1, 20);
    head.writeUInt16LE(1, 22);
    head.writeUInt32LE(8000, 24);
    head.writeUInt32LE(16000, 28);
    head.writeUInt16LE(2, 32);
    head.writeUInt16LE(16, 34);
    head.write("data", 36);
    head.writeUInt32LE(samples.byteLength, 40);
    return Buffer.concat([head, Buffer.from(samples.buffer)]);
}

/** A running phone. */
export class Phone {
    #process;
    #folder;
    #said = [];
    /** Where the demonstration exchange registers accounts. */
    domain = "";

    /** Starts a phone; `settings` is added to its configuration. */
    static async start(settings = "") {
        const phone = new Phone();
        phone.#folder = await mkdtemp(join(tmpdir(), "neonphone-browser-"));
        const run = join(phone.#folder, "run");
        await mkdir(run);
        await writeFile(join(phone.#folder, "tone.wav"), tone());
        await writeFile(join(run, "neonphone.toml"), [
            "[sip]",
            'listen = ["127.0.0.1:0"]',
            "[audio]",
            'playback = "none"',
            `capture = "wav:${join(phone.#folder, "tone.wav")}"`,
            "[[api.users]]",
            `name = "${USER}"`,
            `password_hash = "${HASH}"`,
            settings,
        ].join("\n"));
        await phone.#launch();
        return phone;
    }

    async #launch() {
        const binary = process.env.NEONPHONE;
        this.#process = spawn(binary, ["demo"], { cwd: this.#folder, stdio: ["ignore", "pipe", "pipe"] });
        createInterface(this.#process.stderr).on("line", (line) => this.#said.push(line));
        const ready = new Promise((resolve, reject) => {
            const lines = createInterface(this.#process.stdout);
            lines.on("line", (line) => {
                this.#said.push(line);
                const domain = /domain (\S+), password/.exec(line);
                if (domain) {
                    this.domain = domain[1];
                    resolve();
                }
            });
            this.#process.once("exit", () => reject(new Error(`the phone ended:\n${this.#said.join("\n")}`)));
            setTimeout(() => reject(new Error("the phone doesn't start")), PATIENCE_MS).unref();
        });
        await ready;
    }

    /** Stops it, and starts it anew with the same configuration. */
    async restart() {
        await this.#end();
        await this.#launch();
    }

    /** Has it do nothing, not even answer, until it goes on. */
    stall() {
        this.#process.kill("SIGSTOP");
    }

    goOn() {
        this.#process.kill("SIGCONT");
    }

    async stop() {
        await this.#end();
        await rm(this.#folder, { recursive: true });
    }

    /** What it printed and logged, for whoever looks for the reason of a failure. */
    get said() {
        return this.#said.join("\n");
    }

    async #end() {
        const ended = new Promise((resolve) => this.#process.once("exit", resolve));
        this.#process.kill("SIGTERM");
        await ended;
    }
}
