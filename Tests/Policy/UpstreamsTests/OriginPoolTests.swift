import Clock
import Forwarding
import HTTP1
import Settings
import Testing
import Upstreams

/// Which connections rest, for how long, and who may have them.
@Suite struct OriginPoolTests {
    private static let start = Instant.seconds(100)
    private let group: BackendGroup
    private let registry = UpstreamRegistry()
    private let server: ServerState
    private let other: ServerState

    init() {
        group = OriginPoolTests.group(registry)
        server = group.servers[0].state
        other = group.servers[1].state
    }

    /// Of two servers, each of which keeps two connections for a minute.
    private static func group(
        _ registry: UpstreamRegistry, ports: [UInt16] = [8000, 8001],
        change: (inout BackendSettings) -> Void = { _ in }
    ) -> BackendGroup {
        var settings = BackendSettings(
            name: "app", servers: ports.map { UpstreamsTests.server($0) })
        settings.keepAlive.count = 2
        settings.keepAlive.timeout = .seconds(60)
        change(&settings)
        return BackendGroup(settings, registry: registry)
    }

    private func candidate(_ number: UInt64, owner: UInt64? = nil) -> OriginPool.Candidate {
        OriginPool.Candidate(number, to: server, owner: owner, rest: .open, made: Self.start)
    }

    /// Puts it in at the start, in turn 1.
    private func put(
        _ candidate: OriginPool.Candidate, in pool: inout OriginPool, of group: BackendGroup? = nil
    ) -> OriginPool.Outcome {
        pool.put(candidate, of: group ?? self.group, at: Self.start, turn: 1)
    }

    private func take(
        _ pool: OriginPool, after time: Duration = .seconds(1), turn: UInt64 = 9,
        mayRepeat: Bool = true
    ) -> OriginPool.Offer? {
        pool.take(for: server, mayRepeat: mayRepeat, at: Self.start + time, turn: turn)
    }

    // MARK: In

    static let obstacles: [(UpstreamUse.RestObstacle, OriginPool.Outcome)] =
        UpstreamUse.RestObstacle.allCases.map { ($0, $0 == .surplus ? .endsInDistrust : .ends) }

    @Test(arguments: obstacles)
    func `what its last use says is in the way is in the way`(
        obstacle: UpstreamUse.RestObstacle, outcome: OriginPool.Outcome
    ) {
        for owner: UInt64? in [nil, 7] {
            var pool = OriginPool([group])
            var guest = candidate(1, owner: owner)
            guest.rest = .refused(obstacle)
            #expect(put(guest, in: &pool) == outcome)
            #expect(take(pool) == nil)
        }
    }

    @Test func `one that is in order rests, and is used once`() {
        var pool = OriginPool([group])
        #expect(put(candidate(1), in: &pool) == .rests(until: Self.start + .seconds(60)))
        #expect(take(pool) == .look(1))
        #expect(take(pool) == nil)
    }

    @Test func `no request comes, or octets wait: it does not rest`() {
        var pool = OriginPool([group])
        var guest = candidate(1)
        guest.isWanted = false
        #expect(put(guest, in: &pool) == .ends)
        guest = candidate(1)
        guest.isSent = false
        #expect(put(guest, in: &pool) == .ends)
        guest = candidate(1)
        guest.clientStays = false
        #expect(put(guest, in: &pool) == .rests(until: Self.start + .seconds(60)))
    }

    @Test func `for a server that said too much none rests, and none is used that does`() {
        var pool = OriginPool([group])
        #expect(put(candidate(1), in: &pool) == .rests(until: Self.start + .seconds(60)))
        #expect(put(candidate(2, owner: 7), in: &pool) == .rests(until: Self.start + .seconds(60)))
        _ = server.saidTooMuch(at: Self.start)
        #expect(put(candidate(3), in: &pool) == .ends)
        #expect(take(pool, turn: 1) == .close(1))
        #expect(
            pool.take(reservedFor: 7, in: group, at: Self.start + .seconds(1), turn: 9) == .close(2)
        )
        let elsewhere = OriginPool.Candidate(
            4, to: other, owner: nil, rest: .open, made: Self.start)
        #expect(put(elsewhere, in: &pool) == .rests(until: Self.start + .seconds(60)))
    }

    @Test func `with a PROXY header a connection is one request's alone`() {
        let proxied = Self.group(registry) { $0.proxyHeader = .v1 }
        var pool = OriginPool([proxied])
        #expect(put(candidate(1), in: &pool, of: proxied) == .ends)
        #expect(put(candidate(2, owner: 7), in: &pool, of: proxied) == .ends)
    }

    // MARK: keep_alive

    @Test(arguments: [0, 1, 2, 5])
    func `no more are kept for a server than keep_alive says`(count: Int) {
        let group = Self.group(registry) { $0.keepAlive.count = count }
        var pool = OriginPool([group])
        for number in 1...UInt64(count + 3) {
            let isKept = number <= count
            let outcome = put(candidate(number), in: &pool, of: group)
            #expect(outcome == (isKept ? .rests(until: Self.start + .seconds(60)) : .ends))
        }
        let elsewhere = OriginPool.Candidate(
            90, to: other, owner: nil, rest: .open, made: Self.start)
        #expect((put(elsewhere, in: &pool, of: group) == .ends) == (count == 0))
        for number in (0..<UInt64(count)).reversed() { #expect(take(pool) == .look(number + 1)) }
        #expect(take(pool) == nil)
    }

    @Test(arguments: [1, 5, 60, 3600])
    func `none is used that has rested longer than keep_alive_timeout`(seconds: Int) {
        let group = Self.group(registry) { $0.keepAlive.timeout = .seconds(seconds) }
        var pool = OriginPool([group])
        #expect(
            put(candidate(1), in: &pool, of: group)
                == .rests(until: Self.start + .seconds(seconds)))
        let almost = Duration.seconds(seconds) - .milliseconds(1)
        #expect(take(pool, after: almost) == .look(1))
        _ = put(candidate(1), in: &pool, of: group)
        #expect(take(pool, after: .seconds(seconds)) == .close(1))
        _ = put(candidate(2, owner: 7), in: &pool, of: group)
        let end = Self.start + .seconds(seconds)
        #expect(pool.take(reservedFor: 7, in: group, at: end, turn: 9) == .close(2))
    }

    // MARK: Out

    @Test func `the one that rested shortest is used first`() {
        var pool = OriginPool([group])
        for number in [3, 1] as [UInt64] { _ = put(candidate(number), in: &pool) }
        #expect([take(pool), take(pool), take(pool)] == [.look(1), .look(3), nil])
    }

    @Test func `it is looked at first, but for a request that can be repeated in the same turn`() {
        for (turn, mayRepeat, offer) in [
            (1, true, .use(1)), (1, false, .look(1)), (2, true, .look(1)),
        ] as [(UInt64, Bool, OriginPool.Offer)] {
            var pool = OriginPool([group])
            _ = put(candidate(1), in: &pool)
            #expect(take(pool, turn: turn, mayRepeat: mayRepeat) == offer)
        }
    }

    @Test func `one that has to be quiet first is passed over until it was`() {
        var pool = OriginPool([group])
        _ = put(candidate(1), in: &pool)
        var guest = candidate(2)
        guest.rest = .watched
        _ = put(guest, in: &pool)
        #expect(take(pool, after: .zero) == .look(1))
        #expect(take(pool, after: .milliseconds(249)) == nil)
        #expect(take(pool, after: .milliseconds(250)) == .look(2))
    }

    @Test func `each server has its own`() {
        var pool = OriginPool([group])
        _ = put(candidate(1), in: &pool)
        #expect(pool.take(for: other, mayRepeat: true, at: Self.start, turn: 1) == nil)
        #expect(take(pool) == .look(1))
    }

    @Test func `one that closed for a reason of its own is not offered`() {
        var pool = OriginPool([group])
        _ = put(candidate(1), in: &pool)
        _ = put(candidate(2), in: &pool)
        _ = put(candidate(3, owner: 7), in: &pool)
        pool.remove(2, to: server, owner: nil)
        pool.remove(3, to: server, owner: 7)
        pool.remove(9, to: server, owner: nil)
        pool.remove(9, to: server, owner: 8)
        #expect(take(pool) == .look(1))
        #expect(pool.take(reservedFor: 7, in: group, at: Self.start, turn: 9) == nil)
        #expect(pool.release(client: 7) == [])
    }

    // MARK: Age

    @Test(arguments: [(0, 60), (30, 60), (40, 60), (41, 59), (99, 1)])
    func `an old one rests no longer than it may live`(age: Int, rest: Int) {
        let group = Self.group(registry) { $0.keepAlive.age = .seconds(100) }
        var pool = OriginPool([group])
        var guest = candidate(1)
        guest.made = Self.start + .seconds(-age)
        #expect(
            put(guest, in: &pool, of: group) == .rests(until: Self.start + .seconds(rest)))
    }

    @Test func `one that is too old is used no more, and without a limit none is`() {
        let group = Self.group(registry) { $0.keepAlive.age = .seconds(100) }
        var pool = OriginPool([group])
        var guest = candidate(1)
        guest.made = Self.start + .seconds(-100)
        #expect(put(guest, in: &pool, of: group) == .ends)
        let ageless = Self.group(registry) { $0.keepAlive.age = nil }
        #expect(put(guest, in: &pool, of: ageless) == .rests(until: Self.start + .seconds(60)))
    }

    // MARK: A client's own

    @Test func `a client's own is offered to nobody else, and always looked at`() {
        var pool = OriginPool([group])
        var guest = candidate(1, owner: 7)
        // Nobody else would hear what is left over.
        guest.rest = .watched
        #expect(put(guest, in: &pool) == .rests(until: Self.start + .seconds(60)))
        #expect(take(pool) == nil)
        #expect(pool.take(reservedFor: 8, in: group, at: Self.start, turn: 1) == nil)
        #expect(pool.take(reservedFor: 7, in: group, at: Self.start, turn: 1) == .look(1))
        #expect(pool.take(reservedFor: 7, in: group, at: Self.start, turn: 1) == nil)
    }

    @Test func `of each server a client has one, and none of other groups`() {
        var pool = OriginPool([group])
        #expect(put(candidate(1, owner: 7), in: &pool) != .ends)
        #expect(put(candidate(2, owner: 7), in: &pool) == .ends)
        #expect(put(candidate(3, owner: 8), in: &pool) != .ends)
        let elsewhere = OriginPool.Candidate(4, to: other, owner: 7, rest: .open, made: Self.start)
        #expect(put(elsewhere, in: &pool) != .ends)
        let foreign = Self.group(UpstreamRegistry())
        #expect(pool.take(reservedFor: 7, in: foreign, at: Self.start, turn: 9) == nil)
        #expect(pool.take(reservedFor: 7, in: group, at: Self.start, turn: 9) == .look(1))
        #expect(pool.take(reservedFor: 7, in: group, at: Self.start, turn: 9) == .look(4))
    }

    @Test func `who leaves has no use for a connection of his own`() {
        var pool = OriginPool([group])
        var guest = candidate(1, owner: 7)
        guest.clientStays = false
        #expect(put(guest, in: &pool) == .ends)
        let none = Self.group(registry) { $0.keepAlive.count = 0 }
        #expect(put(candidate(1, owner: 7), in: &pool, of: none) == .ends)
        _ = put(candidate(1, owner: 7), in: &pool)
        _ = put(candidate(2, owner: 8), in: &pool)
        #expect(pool.release(client: 7) == [1])
        #expect(pool.release(client: 7) == [])
        #expect(pool.take(reservedFor: 7, in: group, at: Self.start, turn: 9) == nil)
        #expect(pool.release(client: 8) == [2])
    }

    // MARK: Reload

    @Test func `connections of a server that a reload removed are handed out and come no more`() {
        var pool = OriginPool([group])
        let elsewhere = OriginPool.Candidate(
            3, to: other, owner: nil, rest: .open, made: Self.start)
        let ownElsewhere = OriginPool.Candidate(
            4, to: other, owner: 7, rest: .open, made: Self.start)
        for guest in [candidate(1), candidate(2, owner: 7), elsewhere, ownElsewhere] {
            #expect(put(guest, in: &pool) != .ends)
        }
        let next = Self.group(registry, ports: [8001, 8002])
        #expect(pool.serve([next]).sorted() == [1, 2])
        #expect(take(pool) == nil)
        #expect(put(candidate(5), in: &pool) == .ends, "it was used meanwhile")
        #expect(put(candidate(6, owner: 7), in: &pool) == .ends)
        #expect(pool.take(reservedFor: 7, in: group, at: Self.start, turn: 9) == .look(4))
        #expect(pool.take(for: other, mayRepeat: true, at: Self.start, turn: 9) == .look(3))
        let new = OriginPool.Candidate(
            7, to: next.servers[1].state, owner: nil, rest: .open, made: Self.start)
        #expect(put(new, in: &pool, of: next) == .rests(until: Self.start + .seconds(60)))
        #expect(pool.serve([]).sorted() == [7])
    }
}
