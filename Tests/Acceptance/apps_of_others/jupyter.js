// JupyterLab has a kernel tell who the server is, again and again; where that ends, with another
// kernel, as people do who see that theirs is gone.
(() => {
    const pause = (seconds) => new Promise((resume) => setTimeout(resume, 1000 * seconds));
    const code = `
import os, time
for number in range(100000):
    print("tick", os.environ["INSTANCE"], number, flush=True)
    time.sleep(0.1)
`;

    async function listen(kernels) {
        const kernel = await kernels.startNew({ name: "python3" });
        try {
            const future = kernel.requestExecute({ code });
            future.onIOPub = ({ content }) => {
                for (const [, instance, number] of (content.text ?? "").matchAll(/tick (\S+) (\d+)/g))
                    reports.push({ instance, number: Number(number) });
            };
            await new Promise((resolve, reject) => {
                future.done.then(resolve, reject);
                kernel.connectionStatusChanged.connect((_, status) => {
                    reports.push({ status });
                    if (status === "disconnected") reject(status);
                });
                kernel.statusChanged.connect((_, status) => {
                    if (status === "dead" || status === "unknown") reject(status);
                });
                // A kernel of a server that was restarted is not there any more.
                (async () => {
                    for (;;) {
                        await pause(0.5);
                        const models = await kernels.refreshRunning()
                            .then(() => [...kernels.running()], () => null);
                        if (models && !models.some(({ id }) => id === kernel.id)) reject("gone");
                    }
                })();
            });
        } finally {
            kernel.dispose();
        }
    }

    (async () => {
        while (!globalThis.jupyterapp) await pause(0.1);
        const { serviceManager } = globalThis.jupyterapp;
        await serviceManager.ready;
        for (;;) {
            try {
                await listen(serviceManager.kernels);
            } catch (problem) {
                reports.push({ failed: String(problem) });
            }
            await pause(0.5);
        }
    })();
})();
