import Clock
import Forwarding
import HTTP1
import Settings
import Testing
import Upstreams

/// Dialogues between a request on its way and what happens to it.
@Suite struct AttemptTests {
    private static let start = Instant.seconds(100)

    /// `count` servers, each of which may be tried in vain `retries` times in all.
    private func group(
        _ count: Int, retries: Int, connectTimeout: Duration = .seconds(3)
    ) -> BackendGroup {
        var settings = BackendSettings(
            name: "app", servers: (0..<count).map { server(UInt16(8000 + $0)) })
        settings.bounds.retries = retries
        settings.connectTimeout = connectTimeout
        return BackendGroup(settings, registry: UpstreamRegistry())
    }

    // MARK: Servers

    static let retries: [(Int, [Attempt.Step])] = [
        (0, [.wait]),
        (1, [.choose, .wait]),
        (2, [.choose, .choose, .wait]),
        (3, [.choose, .choose, .choose, .wait]),
    ]

    @Test(arguments: retries)
    func `so many other servers are asked as retries says`(
        retries: Int, steps: [Attempt.Step]
    ) {
        let group = group(9, retries: retries)
        var attempt = Attempt(isWebSocket: false)
        for (index, step) in steps.enumerated() {
            #expect(
                attempt.failed(.unreachable, at: 8 - index, of: group, now: Self.start) == step)
            #expect(attempt.tried.map(group.index) == (0...index).map { 8 - $0 })
        }
    }

    @Test func `who waited begins with all servers, by what the newest settings say`() {
        let (first, next) = (group(2, retries: 0), group(2, retries: 1))
        var attempt = Attempt(isWebSocket: false)
        #expect(attempt.failed(.unreachable, at: 0, of: first, now: Self.start) == .wait)
        attempt.beginAnew()
        #expect(attempt.tried.isEmpty)
        #expect(attempt.failed(.unreachable, at: 1, of: next, now: Self.start) == .choose)
        #expect(attempt.failed(.unreachable, at: 0, of: next, now: Self.start) == .wait)
    }

    @Test func `where nothing is left to connect with, no server is tried and none is blamed`() {
        var attempt = Attempt(isWebSocket: false)
        let step = attempt.failed(
            .exhausted, at: 0, of: group(3, retries: 3), now: Self.start)
        #expect(step == .fail(.exhausted))
        #expect(attempt.tried.isEmpty)
    }

    // MARK: Queues

    @Test func `a full queue is asked again and again, for the time to connect`() {
        let group = group(2, retries: 1, connectTimeout: .milliseconds(120))
        var attempt = Attempt(isWebSocket: false)
        var steps: [Attempt.Step] = []
        for milliseconds in [0, 50, 100, 119, 120] {
            let now = Self.start + .milliseconds(milliseconds)
            let step = attempt.failed(.busy, at: 0, of: group, now: now)
            #expect(
                step == (milliseconds < 120 ? .askAgain(at: now + Attempt.queuePause) : .choose))
            steps.append(step)
        }
        #expect(attempt.tried.map(group.index) == [0])
    }

    @Test func `the next server has a time of its own, and so has the same one later`() {
        let group = group(2, retries: 1, connectTimeout: .milliseconds(100))
        var attempt = Attempt(isWebSocket: false)
        func at(_ milliseconds: Int) -> Instant { Self.start + .milliseconds(milliseconds) }
        let pause = Attempt.queuePause
        #expect(attempt.failed(.busy, at: 0, of: group, now: at(0)) == .askAgain(at: at(0) + pause))
        #expect(attempt.failed(.unreachable, at: 0, of: group, now: at(90)) == .choose)
        #expect(
            attempt.failed(.busy, at: 1, of: group, now: at(110)) == .askAgain(at: at(110) + pause))
        #expect(attempt.failed(.busy, at: 1, of: group, now: at(210)) == .wait)
        attempt.beginAnew()
        #expect(
            attempt.failed(.busy, at: 0, of: group, now: at(300)) == .askAgain(at: at(300) + pause))
    }

    // MARK: Once more

    @Test(arguments: [nil] + UpstreamUse.RetryObstacle.allCases)
    func `only what was closed, and not consumed, is sent once more`(
        obstacle: UpstreamUse.RetryObstacle?
    ) {
        var settings = group(3, retries: 3).settings
        settings.bounds.retryCauses.broken = false
        settings.bounds.retryCauses.timeout = false
        let group = BackendGroup(settings, registry: UpstreamRegistry())
        for failure in UpstreamFailureTests.rows.map(\.failure) where failure.isAnAnswersEnd {
            var attempt = Attempt(isWebSocket: false)
            let step = attempt.failed(
                failure, at: 0, of: group, obstacle: obstacle, now: Self.start)
            let isRepeated = failure == .closedEarly && obstacle == nil
            #expect(step == (isRepeated ? .resend : .fail(failure)), "\(failure)")
            #expect(attempt.tried.isEmpty, "it was reached")
        }
    }

    @Test func `it is sent once more once, on a connection that has not rested`() {
        let group = causes({ $0.broken = false }, servers: 2, retries: 1)
        var attempt = Attempt(isWebSocket: false)
        #expect(attempt.mayUseResting(of: group))
        #expect(attempt.mayResend(nil))
        #expect(!attempt.mayResend(.answered))
        #expect(attempt.failed(.closedEarly, at: 0, of: group, now: Self.start) == .resend)
        #expect(!attempt.mayUseResting(of: group))
        #expect(!attempt.mayResend(nil))
        #expect(
            attempt.failed(.closedEarly, at: 0, of: group, now: Self.start) == .fail(.closedEarly))
        #expect(
            attempt.failed(.unreachable, at: 0, of: group, now: Self.start) == .choose,
            "but it may still ask another server for a connection")
    }

    // MARK: Elsewhere

    private func causes(
        _ change: (inout GroupBounds.RetryCauses) -> Void = { _ in }, servers: Int = 3,
        retries: Int = 3
    ) -> BackendGroup {
        var settings = group(servers, retries: retries).settings
        change(&settings.bounds.retryCauses)
        return BackendGroup(settings, registry: UpstreamRegistry())
    }

    @Test(arguments: [nil] + UpstreamUse.RetryObstacle.allCases)
    func `another server is asked for what may be sent twice and was not answered`(
        obstacle: UpstreamUse.RetryObstacle?
    ) {
        let group = causes()
        let may = obstacle == nil || obstacle == .newConnection
        for failure in [UpstreamFailure.closedEarly, .silent, .takesNothing] {
            var attempt = Attempt(isWebSocket: false)
            let step = attempt.failed(
                failure, at: 0, of: group, obstacle: obstacle, now: Self.start)
            if failure == .closedEarly, obstacle == nil {
                #expect(
                    step == .resend, "an accident of keeping the connection: nobody is to blame")
                #expect(attempt.tried.isEmpty)
            } else {
                #expect(step == (may ? .elsewhere : .fail(failure)), "\(failure)")
                #expect(attempt.tried.map(group.index) == (may ? [0] : []))
                #expect(attempt.sentInVain == (may ? failure : nil))
            }
        }
        for failure in [UpstreamFailure.cut, .paused, .badResponse] {
            var attempt = Attempt(isWebSocket: false)
            #expect(
                attempt.failed(failure, at: 0, of: group, obstacle: obstacle, now: Self.start)
                    == .fail(failure), "of an answer that has begun")
        }
    }

    @Test func `of the causes each is asked for by itself`() {
        let rows: [((inout GroupBounds.RetryCauses) -> Void, UpstreamFailure, Bool)] = [
            ({ $0.timeout = false }, .closedEarly, true),
            ({ $0.broken = false }, .closedEarly, false),
            ({ $0.broken = false }, .silent, true),
            ({ $0.broken = false }, .takesNothing, true),
            ({ $0.timeout = false }, .silent, false),
            ({ $0.timeout = false }, .takesNothing, false),
        ]
        for (change, failure, isAsked) in rows {
            var attempt = Attempt(isWebSocket: false)
            let step = attempt.failed(
                failure, at: 0, of: causes(change), obstacle: .newConnection, now: Self.start)
            #expect(step == (isAsked ? .elsewhere : .fail(failure)), "\(failure)")
        }
    }

    @Test func `an answer is thrown away only for its status, and while there is another server`() {
        func discards(
            _ status: Int, at index: Int = 0, of group: BackendGroup,
            _ obstacle: UpstreamUse.RetryObstacle? = .newConnection
        ) -> Bool {
            var attempt = Attempt(isWebSocket: false)
            return attempt.discards(
                status: status, of: group.servers[index].state, of: group, obstacle: obstacle,
                now: Self.start)
        }
        let group = causes { $0.statuses = [502, 503] }
        #expect(discards(503, of: group))
        #expect(discards(502, of: group, nil))
        #expect(!discards(500, of: group))
        #expect(!discards(503, of: group, .notIdempotent))
        #expect(!discards(503, of: group, .answered))
        #expect(!discards(503, of: causes()))
        #expect(!discards(503, of: causes({ $0.statuses = [503] }, servers: 1)))
        #expect(!discards(503, of: causes({ $0.statuses = [503] }, retries: 0)))
    }

    @Test func `who asked elsewhere ends with what happened, when nobody else is there`() {
        let pair = causes(servers: 2)
        var attempt = Attempt(isWebSocket: false)
        func fails(
            _ failure: UpstreamFailure, _ index: Int, of group: BackendGroup
        ) -> Attempt.Step {
            attempt.failed(failure, at: index, of: group, obstacle: .newConnection, now: Self.start)
        }
        #expect(fails(.silent, 0, of: pair) == .elsewhere)
        #expect(fails(.silent, 1, of: pair) == .fail(.silent), "both were asked")
        let lone = causes(retries: 1)
        attempt = Attempt(isWebSocket: false)
        #expect(fails(.closedEarly, 0, of: lone) == .elsewhere)
        #expect(fails(.unreachable, 1, of: lone) == .fail(.closedEarly), "it waits for no server")
        attempt = Attempt(isWebSocket: false)
        let three = causes()
        #expect(fails(.closedEarly, 0, of: three) == .elsewhere)
        #expect(fails(.unreachable, 1, of: three) == .choose)
        #expect(fails(.silent, 2, of: three) == .fail(.silent))
    }

    @Test func `a server that is away is no other server`() {
        let group = causes(servers: 2)
        group.reportFailure(group.servers[1].state, now: Self.start)
        var attempt = Attempt(isWebSocket: false)
        #expect(
            attempt.failed(.silent, at: 0, of: group, obstacle: .newConnection, now: Self.start)
                == .fail(.silent))
    }

    @Test func `a body is kept while it may be sent again`() {
        let attempt = Attempt(isWebSocket: false)
        let rows: [(UpstreamUse.RetryObstacle?, servers: Int, retries: Int, Bool)] = [
            (nil, 1, 0, true), (.newConnection, 2, 1, true), (.newConnection, 1, 1, false),
            (.newConnection, 2, 0, false), (.notIdempotent, 2, 1, false), (.bodyGone, 2, 1, false),
        ]
        for (obstacle, servers, retries, may) in rows {
            let group = causes(servers: servers, retries: retries)
            #expect(attempt.mayRepeat(obstacle, of: group) == may)
        }
    }

    // MARK: Connections

    @Test func `what has a connection of its own is given none that has rested`() {
        #expect(!Attempt(isWebSocket: true).mayUseResting(of: group(1, retries: 1)))
        var settings = BackendSettings(name: "app", servers: [server(8000)])
        settings.proxyHeader = .v2
        let proxied = BackendGroup(settings, registry: UpstreamRegistry())
        #expect(!Attempt(isWebSocket: false).mayUseResting(of: proxied))
    }
}

extension UpstreamFailure {
    /// It was reached, and gave no answer or a part of one.
    fileprivate var isAnAnswersEnd: Bool {
        switch remedy {
        case .anotherServer, .patience: false
        case .newConnection, .anotherAnswer, .none: true
        }
    }
}
