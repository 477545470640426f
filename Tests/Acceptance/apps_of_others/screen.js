// What the page of an app tells: every connection that it opens, and every `tick INSTANCE NUMBER`
// that is there to read.
(() => {
    if (window !== window.top) return;
    const reports = globalThis.reports = [{ opened: "page" }];

    for (const name of ["WebSocket", "EventSource"])
        globalThis[name] = new Proxy(globalThis[name], {
            construct(make, words) {
                const source = Reflect.construct(make, words);
                source.addEventListener("open", () => reports.push({ opened: name }));
                source.addEventListener("error", () => reports.push({ failed: name }));
                // No app here says this: it is how the gateway says why it refuses.
                source.addEventListener("message", ({ data }) => {
                    if (typeof data === "string" && data.startsWith('{"type":"error","error":{'))
                        reports.push({ stray: data });
                });
                return source;
            },
        });

    const read = (node) => {
        if (node.nodeType === Node.TEXT_NODE) return node.data;
        if (["SCRIPT", "STYLE"].includes(node.nodeName)) return "";
        const parts = [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes];
        return parts.map(read).join(" ");
    };
    let last;
    setInterval(() => {
        const found = document.body && read(document.body).match(/tick (\S+) (\d+)/);
        if (!found || found[0] === last) return;
        last = found[0];
        reports.push({ instance: found[1], number: Number(found[2]) });
    }, 100);
})();
