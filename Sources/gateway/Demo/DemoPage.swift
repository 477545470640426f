/// `/`: shows what comes over a WebSocket and an event stream of the same origin, opened with the
/// `token`, `client_id` and `store_id` of the page's own query.
enum DemoPage {
    static let octets = Array(html.utf8)

    private static let html = #"""
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="referrer" content="no-referrer">
        <title>Gateway demo</title>
        <style>
          :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
          body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
          h1 { font-size: 1.4rem }
          h2 { font-size: 1rem; margin: 0 }
          main { display: grid; gap: 1rem }
          @media (min-width: 44rem) { main { grid-template-columns: 1fr 1fr } }
          section { border: 1px solid #8886; border-radius: .5rem; padding: 1rem }
          header { display: flex; justify-content: space-between; gap: 1rem }
          .state { font-size: .85rem; opacity: .8 }
          .open { color: #2a8f4c; opacity: 1 }
          .closed { color: #c0392b; opacity: 1 }
          ol { list-style: none; margin: 1rem 0 0; padding: 0; height: 22rem; overflow: auto }
          li { font: .8rem/1.4 ui-monospace, monospace; padding: .15rem 0; overflow-wrap: anywhere }
          li time { opacity: .6; margin-right: .6rem }
          form { display: flex; gap: .5rem; margin-top: 1rem }
          input { flex: 1; font: inherit; font-size: .85rem; min-width: 0 }
          button { font: inherit; font-size: .85rem }
          code { font-size: .85rem }
        </style>
        <h1>Gateway demo</h1>
        <p>Both are opened with <code id="who"></code>. Open this page through the gateway with
          <code>?token=…</code> from <code>gateway token</code>; add <code>client_id=…</code> to be
          another device, <code>store_id=…</code> for another store.</p>
        <main>
          <section id="socket">
            <header><h2>WebSocket</h2><span class="state">connecting</span></header>
            <ol></ol>
            <form><input aria-label="Message" value='{"type":"queue_status_request"}'>
              <button>Send</button></form>
          </section>
          <section id="events">
            <header><h2>Event stream</h2><span class="state">connecting</span></header>
            <ol></ol>
          </section>
        </main>
        <script>
        const query = new URLSearchParams(location.search)
        const token = query.get("token")
        const store = query.get("store_id") || "1"
        const client = query.get("client_id") || rememberedClient()
        document.getElementById("who").textContent =
          `store_id=${store} client_id=${client}` + (token ? " and a token" : ", without a token")

        function rememberedClient() {
          const known = sessionStorage.getItem("client_id")
          if (known) return known
          const random = crypto.getRandomValues(new Uint8Array(8))
          const made = Array.from(random, octet => octet.toString(16).padStart(2, "0")).join("")
          sessionStorage.setItem("client_id", made)
          return made
        }

        function panel(id) {
          const section = document.getElementById(id)
          const list = section.querySelector("ol")
          const state = section.querySelector(".state")
          return {
            section,
            show(text) {
              const item = document.createElement("li")
              const time = document.createElement("time")
              time.textContent = new Date().toLocaleTimeString()
              item.append(time, text)
              list.prepend(item)
              while (list.children.length > 200) list.lastChild.remove()
            },
            say(word, kind) {
              state.textContent = word
              state.className = "state " + kind
            },
          }
        }

        function openSocket() {
          const view = panel("socket")
          const scheme = location.protocol === "https:" ? "wss:" : "ws:"
          const wanted = new URLSearchParams({ store_id: store, client_id: client })
          const url = `${scheme}//${location.host}/ws/queue/${encodeURIComponent(store)}?${wanted}`
          // A browser can send no Authorization with a WebSocket: the token goes as a subprotocol.
          const socket = token
            ? new WebSocket(url, ["demo.v1", "jwt." + token]) : new WebSocket(url)
          socket.onopen = () => view.say("open", "open")
          socket.onmessage = message => view.show(message.data)
          socket.onclose = end =>
            view.say(`closed ${end.code} ${end.reason}`.trim(), "closed")
          view.section.querySelector("form").onsubmit = submit => {
            submit.preventDefault()
            if (socket.readyState !== WebSocket.OPEN) return
            socket.send(view.section.querySelector("input").value)
          }
          const ping = setInterval(() => {
            if (socket.readyState === WebSocket.OPEN) socket.send('{"type":"ping"}')
            if (socket.readyState === WebSocket.CLOSED) clearInterval(ping)
          }, 10000)
        }

        function openEvents() {
          const view = panel("events")
          const wanted = new URLSearchParams({ store_id: store, client_id: client })
          if (token) wanted.set("token", token)
          const source = new EventSource("/api/sse/stream?" + wanted)
          source.onopen = () => view.say("open", "open")
          source.onerror = () => source.readyState === EventSource.CLOSED
            ? view.say("refused", "closed") : view.say("reconnecting", "")
          for (const name of ["connected", "queue_update"])
            source.addEventListener(name, event => view.show(event.data))
          for (const name of ["connection_rejected", "force_disconnect"])
            source.addEventListener(name, event => {
              source.close()
              view.show(event.data)
              view.say(name, "closed")
            })
        }

        openSocket()
        openEvents()
        </script>
        </html>

        """#
}
