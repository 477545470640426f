import Clock
import Entry
import Generations
import LateStores
import Locks
import Peers
import Prepared
import Sessions
import Settings
import Testing
import Transport

@testable import Proxy

/// Requests that want a seat of a store that answers later, through a worker that runs.
@Suite struct LateSeatTests {
    private let folder: TemporaryFolder
    private let shared: SharedState
    private let store: LateStore
    private let address: SocketAddress
    private let generation: Generation

    private static func configuration(_ socket: String, answer: String = "in") -> String {
        """
        listen unix:\(socket)
        sessions boards { store query:store; device query:id; limit 1 block_new; grace off }
        backend app { server unix:\(socket).app }
        route /plain { respond 200 "plain" }
        route /app { sessions boards; backend app }
        route /events { sessions boards; respond 200 "\(answer)" }
        """
    }

    init() throws {
        folder = try TemporaryFolder()
        let socket = folder.path("gateway.sock")
        (shared, store) = try SharedState.late()
        generation = try Generation.reading(Self.configuration(socket))
        let handles = try ListenerBinding.bind(
            generation.entrances.values.map(\.settings), workerCount: 1)
        address = .unix(path: socket)
        let (shared, generation) = (shared, generation)
        try System.startThread(name: "worker 0") {
            do {
                try Worker(
                    index: 0, shared: shared, generation: generation,
                    listeners: handles[0]
                ).run()
            } catch {
                Issue.record("no worker: \(error)")
            }
        }
    }

    private func stop() { shared.mailboxes[0].post(.stop) }

    private func visit() throws -> StreamDriver {
        try StreamDriver(Stream.connect(to: address).stream)
    }

    private func ask(_ device: String, _ visitor: StreamDriver) {
        _ = visitor.send(
            "GET /events?store=17&id=\(device) HTTP/1.1\r\nHost: a\r\n"
                + "Accept: text/event-stream\r\n\r\n")
    }

    private func hears(_ text: String, _ visitor: StreamDriver) throws {
        try visitor.run { String(decoding: $0.received, as: UTF8.self).contains(text) }
    }

    private var sessions: Int { store.counts.blocks["boards"]?.sessions ?? 0 }

    /// The store does what it was asked and told, as it comes, until nothing is left of anybody.
    private func emptyOut() throws {
        try wait {
            store.catchUp()
            return store.counts.blocks.isEmpty
        }
    }

    @Test func `a request waits for its seat, and others go on meanwhile`() throws {
        defer { stop() }
        let visitor = try visit()
        ask("A", visitor)
        try wait { store.waitingCount == 1 }
        let other = try visit()
        _ = other.send("GET /plain HTTP/1.1\r\nHost: a\r\n\r\n")
        try hears("plain", other)
        #expect(visitor.received.isEmpty)
        store.catchUp()
        try hears("\r\n\r\nin", visitor)
        try emptyOut()
    }

    @Test func `a late refusal is a refusal`() throws {
        defer { stop() }
        let rules = generation.rules.sessionBlocks[0].rules
        _ = store.arrive(
            Arrival(
                id: SessionID(high: 1, low: 1),
                connection: ConnectionAddress(worker: 7, connection: 1),
                store: StoreKey(block: "boards", store: "17"),
                device: DeviceIdentity(
                    key: .client(try ClientID("A")), origin: .given(.query("id"))),
                role: nil, address: "192.0.2.1", userAgent: "", transport: .webSocket,
                route: "/ws", rules: rules), now: SystemClock.now())
        store.catchUp()
        let visitor = try visit()
        ask("B", visitor)
        try wait { store.waitingCount == 1 }
        store.catchUp()
        try hears("event: connection_rejected", visitor)
        #expect(sessions == 1 && store.waitingCount == 0)
    }

    @Test func `who leaves while the store is asked has no seat when it answers`() throws {
        defer { stop() }
        let visitor = try visit()
        ask("A", visitor)
        try wait { store.waitingCount == 1 }
        visitor.stream.close()
        try wait { store.waitingCount == 2 }
        try emptyOut()
        // The next one finds it free.
        let other = try visit()
        ask("B", other)
        try wait {
            store.catchUp()
            return store.counts.tallies.admitted == 2
        }
        try hears("\r\n\r\nin", other)
    }

    @Test func `a store that does not answer is not waited for for ever, and gets its seat back`()
        throws
    {
        defer { stop() }
        let visitor = try visit()
        ask("A", visitor)
        try wait { store.waitingCount == 1 }
        // An event stream hears when to come again, whatever the reason.
        try hears("retry:", visitor)
        try wait { store.waitingCount == 2 }
        try emptyOut()
    }

    @Test func `a reload while the store is asked changes nothing for who has asked`() throws {
        defer { stop() }
        let visitor = try visit()
        ask("A", visitor)
        try wait { store.waitingCount == 1 }
        let next = try Generation.reading(
            Self.configuration(folder.path("gateway.sock"), answer: "new"), number: 2)
        shared.mailboxes[0].post(.adopt(next, added: [], removed: []))
        let other = try visit()
        ask("A", other)
        try wait { store.waitingCount == 2 }
        store.catchUp()
        try hears("\r\n\r\nin", visitor)
        try hears("\r\n\r\nnew", other)
        try emptyOut()
    }

    @Test func `a drain while the store is asked sends the newcomer away, without a seat`() throws {
        let visitor = try visit()
        ask("A", visitor)
        try wait { store.waitingCount == 1 }
        shared.mailboxes[0].post(.drain)
        try hears("retry:", visitor)
        visitor.stream.close()
        try emptyOut()
    }

    @Test func `a store that cannot answer sends the newcomer away, without a seat`() throws {
        defer { stop() }
        let visitor = try visit()
        ask("A", visitor)
        try wait { store.waitingCount == 1 }
        store.goAway()
        store.catchUp()
        try hears("retry:", visitor)
        try emptyOut()
    }

    @Test func `a response that turns out to be an event stream waits for no late answer`() throws {
        defer { stop() }
        let app = try Listener(.unix(path: folder.path("gateway.sock.app")))
        let visitor = try visit()
        visitor.send("GET /app?store=17&id=A HTTP/1.1\r\nHost: a\r\n\r\n")
        let upstream = try StreamDriver(Stream(app.next()))
        try upstream.run { $0.text.contains("\r\n\r\n") }
        #expect(store.waitingCount == 0, "not before the response shows what it is")
        upstream.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        try hears("retry:", visitor)
        #expect(!visitor.text.contains("data: 1"))
        // What was asked for is given back, whenever the store comes to it.
        try wait { store.waitingCount == 2 }
        try emptyOut()
    }
}
