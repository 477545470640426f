import Clock
import Glibc
import Locks
import Peers
import Prepared
import Sessions
import Settings
import Testing
import Transport

@testable import Generations
@testable import Proxy

/// What other threads order, and octets that come behind it, while a worker is busy with something
/// else.
@Suite struct OrderTests {
    private let folder: TemporaryFolder
    private let shared: SharedState
    private let address: SocketAddress

    init() throws {
        folder = try TemporaryFolder()
        let socket = folder.path("gateway.sock")
        let generation = try Generation.reading(
            """
            listen unix:\(socket)
            backend app { server unix:\(socket).app }
            route / { backend app }
            """)
        let shared = try SharedState(workerCount: 1)
        self.shared = shared
        let handles = try ListenerBinding.bind(
            generation.entrances.values.map(\.settings), workerCount: 1)
        address = .unix(path: socket)
        try System.startThread(name: "worker 0") {
            do {
                try Worker(index: 0, shared: shared, generation: generation, listeners: handles[0])
                    .run()
            } catch {
                Issue.record("no worker: \(error)")
            }
        }
    }

    /// Keeps the worker busy while `body` runs.
    private func busy(_ body: () throws -> Void) throws {
        let isBusy = Guarded(false)
        let isFree = Guarded(false)
        let round = FigureRound(workerCount: 1) { _ in
            isBusy.withLock { $0 = true }
            while !isFree.withLock({ $0 }) { _ = sched_yield() }
        }
        defer { isFree.withLock { $0 = true } }
        shared.mailboxes[0].post(.figures([], round))
        try wait { isBusy.withLock { $0 } }
        try body()
    }

    @Test func `who is ended hears nothing that was said behind the order`() throws {
        defer { shared.mailboxes[0].post(.stop) }
        let app = try Listener(.unix(path: folder.path("gateway.sock.app")))
        let visitor = try StreamDriver(Stream.connect(to: address).stream)
        visitor.send("GET /feed HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n")
        let upstream = try StreamDriver(Stream(app.next()))
        try upstream.run { $0.text.contains("\r\n\r\n") }
        upstream.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        try visitor.run { $0.text.contains("data: 1") }
        try busy {
            #expect(shared.endSeatless(SessionFilter(), Kick()) == 1)
            upstream.send("data: 2\n\n")
        }
        try visitor.run { $0.text.contains("force_disconnect") }
        #expect(!visitor.text.contains("data: 2"))
    }
}
