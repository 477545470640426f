import Clock
import Locks
import Settings
import Testing
import Upstreams

/// `max_connections`, the queue in front of it, and `max_pending`.
@Suite struct PlaceTests {
    private static func limited(_ port: UInt16, _ limit: Int, isBackup: Bool = false)
        -> BackendSettings.Server
    {
        var server = server(port, isBackup: isBackup)
        server.connectionLimit = limit
        return server
    }

    private enum Word { case server, full, overloaded, none }

    private func word(
        _ group: BackendGroup, at now: Instant = .zero, tried: [Int] = [], isCalled: Bool = false
    ) -> Word {
        let tried = tried.map { group.servers[$0].state }
        let offer = group.choose(for: ServerWish(), now: now, tried: tried, isCalled: isCalled)
        return switch consume offer {
        case .server: .server
        case .full: .full
        case .overloaded: .overloaded
        case .none: .none
        }
    }

    /// Calls `body` while `count` exchanges are held.
    private func hold(_ count: Int, of group: BackendGroup, _ body: () -> Void) {
        guard count > 0 else { return body() }
        group.place(ServerWish()) { _ in hold(count - 1, of: group, body) }
    }

    @Test func `a server never holds more than it may, and who finds none waits`() {
        let group = group(of: [Self.limited(8000, 2), Self.limited(8001, 1)])
        hold(3, of: group) {
            #expect(group.servers.map(\.state.active) == [2, 1])
            #expect(word(group) == .full)
            #expect(word(group, tried: [0]) == .full)
            #expect(word(group, tried: [0, 1]) == .none)
        }
        #expect(word(group) == .server)
        #expect(group.ledger.pending == 0)
    }

    @Test func `racing workers take no place twice`() async {
        let group = group(of: [Self.limited(8000, 3)])
        let most = Guarded(0)
        await withTaskGroup { tasks in
            for _ in 0..<8 {
                tasks.addTask {
                    for _ in 0..<2000 {
                        group.place(ServerWish()) { _ in
                            let active = group.servers[0].state.active
                            most.withLock { $0 = max($0, active) }
                        }
                    }
                }
            }
        }
        #expect((1...3).contains(most.withLock { $0 }))
        #expect(group.servers[0].state.active == 0)
    }

    @Test func `backups are for servers that are away, not for those that are full`() {
        let group = group(of: [Self.limited(8000, 1), server(9000, isBackup: true)])
        hold(1, of: group) { #expect(word(group) == .full) }
        group.reportFailure(0, now: .zero)
        #expect(group.turn() == 1)
    }

    @Test func `a server that is skipped is no reason not to wait for one that is full`() {
        let group = group(of: [Self.limited(8000, 1), server(8001)])
        group.reportFailure(1, now: .zero)
        hold(1, of: group) { #expect(word(group) == .full) }
    }

    // MARK: The queue

    private func waiter(_ number: UInt64) -> PlaceQueue.Waiter {
        PlaceQueue.Waiter(worker: 0, client: number)
    }

    @Test func `who came first is called first, when a place is given back`() {
        let called = Guarded<[UInt64]>([])
        let registry = UpstreamRegistry { waiter, _ in
            called.withLock { $0.append(waiter.client) }
        }
        let group = group(of: [Self.limited(8000, 1)], registry: registry) {
            $0.bounds.queue = .init()
            $0.bounds.queue?.length = 2
        }
        hold(1, of: group) {
            #expect(group.enterQueue(waiter(1), inFront: false, now: .zero))
            #expect(group.enterQueue(waiter(2), inFront: false, now: .zero))
            #expect(!group.enterQueue(waiter(3), inFront: false, now: .zero))
            #expect(group.ledger.totals.refusedPlaces == 1)
            #expect(called.withLock { $0 } == [])
        }
        #expect(called.withLock { $0 } == [1])
        #expect(word(group) == .full, "another one waits who came before")
        #expect(word(group, isCalled: true) == .server)
        #expect(called.withLock { $0 } == [1, 2])
        #expect(group.ledger.waiting == 0)
    }

    @Test func `who begins to wait when there is a place is called at once`() {
        let called = Guarded<[UInt64]>([])
        let registry = UpstreamRegistry { waiter, _ in
            called.withLock { $0.append(waiter.client) }
        }
        let group = group(of: [Self.limited(8000, 1)], registry: registry)
        #expect(group.enterQueue(waiter(4), inFront: false, now: .zero))
        #expect(called.withLock { $0 } == [4])
    }

    @Test func `the queue keeps its order, whoever leaves and comes back`() {
        var queue = PlaceQueue()
        for number: UInt64 in 1...5 {
            #expect(queue.enter(waiter(number), limit: 5, inFront: false) == true)
        }
        #expect(queue.enter(waiter(6), limit: 5, inFront: false) == false)
        #expect(queue.leave(waiter(2)) == true)
        #expect(queue.leave(waiter(2)) == false)
        #expect(queue.call() == waiter(1))
        #expect(queue.enter(waiter(1), limit: 3, inFront: true) == true, "it was counted before")
        #expect(queue.enter(waiter(2), limit: 5, inFront: false) == true)
        #expect(queue.count == 5)
        var order: [UInt64] = []
        while let waiter = queue.call() { order.append(waiter.client) }
        #expect(order == [1, 3, 4, 5, 2])
        #expect(queue.count == 0)
    }

    @Test func `a long queue forgets those it has called`() {
        var queue = PlaceQueue()
        for number: UInt64 in 0..<1000 {
            #expect(queue.enter(waiter(number), limit: 1000, inFront: false) == true)
        }
        for number: UInt64 in 0..<1000 { #expect(queue.call() == waiter(number)) }
        #expect(queue.call() == nil)
        #expect(queue.enter(waiter(7), limit: 1, inFront: true) == true)
        #expect(queue.call() == waiter(7))
    }

    // MARK: max_pending

    @Test func `no more requests wait for an answer than may`() {
        let group = group(of: [server(8000)]) { $0.bounds.maxPending = 2 }
        hold(2, of: group) {
            #expect(group.ledger.pending == 2)
            #expect(word(group) == .overloaded)
            #expect(group.ledger.pending == 2)
        }
        #expect(group.ledger.totals.refusedPending == 1)
        #expect(group.ledger.pending == 0)
    }

    @Test func `an answer that has begun is waited for no more`() {
        let group = group(of: [server(8000)]) { $0.bounds.maxPending = 1 }
        guard case .server(var lease) = group.choose(for: ServerWish(), now: .zero) else {
            Issue.record("no server")
            return
        }
        #expect(word(group) == .overloaded)
        lease.answerBegan()
        lease.answerBegan()
        #expect(group.ledger.pending == 0)
        #expect(word(group) == .server)
        #expect(group.servers[0].state.active == 1)
        lease.close()
        #expect(group.ledger.pending == 0)
    }
}
