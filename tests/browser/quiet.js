// Peers that say less than they should: a scripted server that takes registrations and calls and sends no sound until
// it is told to, and a port where nobody answers at all.

import { createSocket } from "node:dgram";
import { once } from "node:events";

const HOST = "127.0.0.1";

/** RTP of 20 ms silence in G.711 A-law. */
const PACKET = Buffer.concat([Buffer.from([0x80, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7]), Buffer.alloc(160, 0xd5)]);

async function bound() {
    const socket = createSocket("udp4");
    socket.bind(0, HOST);
    await once(socket, "listening");
    return socket;
}

/** `host:port` of a socket that takes everything and answers nothing. */
export async function silentServer() {
    const socket = await bound();
    return { address: `${HOST}:${socket.address().port}`, close: () => socket.close() };
}

/** A server that answers each INVITE at once, itself, with G.711 A-law; `speak` sends one packet of it. */
export async function quietServer() {
    const [sip, rtp] = [await bound(), await bound()];
    const ownContact = `Contact: <sip:quiet@${HOST}:${sip.address().port}>`;
    let phoneRtp = 0;
    sip.on("message", (bytes, from) => {
        const request = bytes.toString();
        const [method] = request.split(" ", 1);
        if (method === "ACK") return;
        const contact = method === "REGISTER" ? /^Contact:.*$/im.exec(request)[0] : ownContact;
        const copied = request.split("\r\n").filter((line) => /^(Via|From|Call-ID|CSeq|Expires):/i.test(line));
        const to = /^To:.*$/im.exec(request)[0];
        const isInvite = method === "INVITE";
        if (isInvite) phoneRtp = Number(/^m=audio (\d+)/m.exec(request)[1]);
        const sdp = isInvite ? [
            "v=0", `o=- 1 1 IN IP4 ${HOST}`, "s=-", `c=IN IP4 ${HOST}`, "t=0 0",
            `m=audio ${rtp.address().port} RTP/AVP 8`, "",
        ].join("\r\n") : "";
        const head = [
            "SIP/2.0 200 OK",
            ...copied,
            to.includes("tag=") ? to : `${to};tag=quiet`,
            contact,
            ...(isInvite ? ["Content-Type: application/sdp"] : []),
            `Content-Length: ${sdp.length}`,
        ];
        sip.send(`${head.join("\r\n")}\r\n\r\n${sdp}`, from.port, from.address);
    });
    return {
        address: `${HOST}:${sip.address().port}`,
        speak: () => rtp.send(PACKET, phoneRtp, HOST),
        close() {
            sip.close();
            rtp.close();
        },
    };
}
