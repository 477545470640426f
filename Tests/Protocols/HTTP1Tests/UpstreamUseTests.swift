import Bytes
import HTTP
import HTTP1
import Testing

/// Everything that can have been sent, against everything that can have come.
@Suite struct UpstreamUseTests {
    enum Sent: CaseIterable, Sendable { case nothing, refused, head, part, broken, whole, failed }
    enum Came: CaseIterable, Sendable {
        case nothing, octet, informational, informationalClose, head, close, untilClose, whole
        case surplus, early
    }

    static let methods: [Method] = [
        .get, .head, .post, .put, .delete, .connect, .options, .trace, .patch, .other("PURGE"),
        .other("get"),
    ]
    static let framings: [BodyFraming] = [.none, .length(0), .length(4), .chunked]
    /// RFC 9110 §9.2.2.
    static let idempotent = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"]
    static let bodiless = ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT"]

    struct Row: Sendable {
        var method: Method
        var framing: BodyFraming
        var sent: Sent
        var came: Came
        var isReused = true
        var hasEnded = false
        var status = 200

        var hasBody: Bool { framing == .length(4) || framing == .chunked }

        /// What the rows are about, or nil when such a thing cannot be.
        var use: UpstreamUse? {
            var use = UpstreamUse(method: method, framing: framing, isReused: isReused)
            if came == .early {
                guard hasBody, sent == .whole else { return nil }
                use.headSent(isTaken: true)
                answer(&use, unsentCount: 0)
                use.bodySent(isLast: true, isTaken: true)
            } else {
                guard send(&use) else { return nil }
                guard came == .nothing || sent != .nothing else { return nil }
                answer(&use, unsentCount: 0)
            }
            if hasEnded { use.connectionEnded() }
            return use
        }

        private func send(_ use: inout UpstreamUse) -> Bool {
            switch sent {
            case .nothing: return true
            case .refused:
                use.headSent(isTaken: false)
                if hasBody { use.bodySent(isLast: true, isTaken: false) }
                return true
            case .head: if !hasBody { return false }
            case .part, .broken, .whole: break
            case .failed: use.sendFailed()
            }
            use.headSent(isTaken: true)
            switch sent {
            case .part, .broken:
                guard hasBody else { return false }
                use.bodySent(isLast: sent == .broken, isTaken: sent == .part)
            case .whole, .failed: if hasBody { use.bodySent(isLast: true, isTaken: true) }
            case .nothing, .refused, .head: break
            }
            return true
        }

        private func answer(_ use: inout UpstreamUse, unsentCount: Int) {
            if came == .nothing { return }
            use.octetsCame()
            switch came {
            case .nothing, .octet: return
            case .informational: return use.informationalCame(allowsKeepAlive: true)
            case .informationalClose: use.informationalCame(allowsKeepAlive: false)
            case .head, .close, .untilClose, .whole, .surplus, .early: break
            }
            use.headCame(
                status: status, framing: came == .untilClose ? .untilClose : .length(2),
                allowsKeepAlive: came != .close, unsentCount: unsentCount)
            if came != .head { use.responseEnded(surplusCount: came == .surplus ? 1 : 0) }
        }
    }

    static func rows(_ change: (inout Row) -> Void = { _ in }) -> [Row] {
        methods.flatMap { method in
            framings.flatMap { framing in
                Sent.allCases.flatMap { sent in
                    Came.allCases.map { came in
                        var row = Row(method: method, framing: framing, sent: sent, came: came)
                        change(&row)
                        return row
                    }
                }
            }
        }
    }

    // MARK: Once more

    @Test(arguments: [false, true], [false, true])
    func `only what nobody can have acted upon, or what may be done twice, is sent once more`(
        keepsBody: Bool, hasEnded: Bool
    ) {
        for row in Self.rows({ $0.hasEnded = hasEnded }) {
            guard let use = row.use else { continue }
            let wasSeen = row.sent != .nothing && row.sent != .refused
            let mayBeTwice = Self.idempotent.contains(row.method.name)
            let hasAll = !row.hasBody || row.sent == .head || keepsBody
            let may = row.came == .nothing && (!wasSeen || mayBeTwice && hasAll)
            #expect((use.retryObstacle(keepsBody: keepsBody) == nil) == may, "\(row)")
        }
    }

    @Test func `on a connection that had not rested that is what is in the way at last`() {
        for row in Self.rows({ $0.isReused = false }) {
            var rested = row
            rested.isReused = true
            guard let use = row.use, let other = rested.use else { continue }
            let obstacle = other.retryObstacle(keepsBody: true)
            #expect(use.retryObstacle(keepsBody: true) == obstacle ?? .newConnection, "\(row)")
        }
    }

    @Test func `an answer that nobody has heard of is in nobody's way, an informational one is`() {
        for row in Self.rows({ $0.isReused = true }) {
            guard let use = row.use else { continue }
            var unanswered = row
            unanswered.came = .nothing
            let expected =
                [.informational, .informationalClose].contains(row.came)
                ? .answered : unanswered.use?.retryObstacle(keepsBody: true)
            #expect(use.retryObstacle(keepsBody: true, isHeard: false) == expected, "\(row)")
        }
    }

    static let refusals: [(Method, BodyFraming, Sent, Came, Bool, UpstreamUse.RetryObstacle?)] = [
        (.get, .none, .whole, .nothing, false, nil),
        (.get, .none, .whole, .octet, false, .answered),
        (.get, .none, .whole, .informational, false, .answered),
        (.post, .none, .whole, .nothing, false, .notIdempotent),
        (.post, .length(0), .whole, .nothing, false, .notIdempotent),
        (.post, .none, .refused, .nothing, false, nil),
        (.post, .length(4), .refused, .nothing, true, nil),
        (.patch, .none, .whole, .nothing, true, .notIdempotent),
        (.other("PURGE"), .none, .whole, .nothing, true, .notIdempotent),
        (.put, .chunked, .head, .nothing, false, nil),
        (.put, .chunked, .part, .nothing, false, .bodyGone),
        (.put, .chunked, .whole, .nothing, false, .bodyGone),
        (.put, .chunked, .whole, .nothing, true, nil),
        (.put, .length(4), .broken, .nothing, false, .bodyGone),
        (.put, .length(0), .whole, .nothing, false, nil),
    ]

    @Test(arguments: refusals.indices)
    func `why a request is not sent once more`(index: Int) throws {
        let (method, framing, sent, came, keepsBody, obstacle) = Self.refusals[index]
        let row = Row(method: method, framing: framing, sent: sent, came: came)
        let use = try #require(row.use)
        #expect(use.retryObstacle(keepsBody: keepsBody) == obstacle)
    }

    // MARK: Again

    @Test(arguments: [false, true])
    func `only a connection that took all and gave all carries another request`(isReused: Bool) {
        for row in Self.rows({ $0.isReused = isReused }) {
            guard let use = row.use else { continue }
            let isClean = row.sent == .whole && row.came == .whole
            let isUnexpected = row.hasBody && Self.bodiless.contains(row.method.name)
            let rest = use.rest
            if isClean, !isUnexpected {
                #expect(rest == (row.method == .head ? .watched : .open), "\(row)")
            } else {
                guard case .refused = rest else {
                    Issue.record("\(row) rests as \(rest)")
                    continue
                }
            }
        }
    }

    @Test func `no connection rests that the server has ended`() {
        for row in Self.rows({ $0.hasEnded = true }) {
            guard let use = row.use else { continue }
            guard case .refused = use.rest else {
                Issue.record("\(row) rests")
                continue
            }
        }
    }

    static let obstacles: [(Method, BodyFraming, Sent, Came, UpstreamUse.RestObstacle)] = [
        (.get, .none, .nothing, .nothing, .requestUnfinished),
        (.post, .chunked, .head, .nothing, .requestUnfinished),
        (.post, .chunked, .part, .nothing, .requestUnfinished),
        (.post, .chunked, .part, .whole, .answeredEarly),
        (.post, .chunked, .whole, .early, .answeredEarly),
        (.post, .chunked, .broken, .nothing, .requestBroken),
        (.get, .none, .refused, .nothing, .requestBroken),
        (.get, .none, .failed, .whole, .requestBroken),
        (.get, .chunked, .whole, .whole, .unexpectedBody),
        (.delete, .length(4), .whole, .whole, .unexpectedBody),
        (.get, .none, .whole, .nothing, .responseUnfinished),
        (.get, .none, .whole, .head, .responseUnfinished),
        (.get, .none, .whole, .untilClose, .untilClose),
        (.get, .none, .whole, .close, .saidClose),
        (.get, .none, .whole, .informationalClose, .saidClose),
        (.get, .none, .whole, .surplus, .surplus),
        // Said about the server, whatever else is in the way.
        (.get, .chunked, .whole, .surplus, .surplus),
    ]

    @Test(arguments: obstacles.indices)
    func `why a connection is not used again`(index: Int) throws {
        let (method, framing, sent, came, obstacle) = Self.obstacles[index]
        let row = Row(method: method, framing: framing, sent: sent, came: came)
        let use = try #require(row.use)
        #expect(use.rest == .refused(obstacle))
    }

    static let watched: [(Method, BodyFraming, Int, Bool)] = [
        (.head, .none, 200, true), (.head, .none, 404, true), (.get, .none, 204, true),
        (.get, .none, 304, true), (.post, .length(4), 204, true), (.get, .none, 200, false),
        (.get, .none, 404, false), (.post, .none, 404, false), (.post, .length(4), 200, false),
        (.post, .length(4), 302, false), (.post, .length(4), 400, true),
        (.put, .chunked, 500, true),
    ]

    @Test(arguments: watched.indices)
    func `behind answers that sloppy apps get wrong it must be quiet first`(index: Int) throws {
        let (method, framing, status, isWatched) = Self.watched[index]
        let row = Row(
            method: method, framing: framing, sent: .whole, came: .whole, status: status)
        #expect(try #require(row.use).rest == (isWatched ? .watched : .open))
    }

    @Test func `an answer to octets that still wait to be sent came early`() {
        var use = UpstreamUse(method: .post, framing: .length(4), isReused: false)
        use.headSent(isTaken: true)
        use.bodySent(isLast: true, isTaken: true)
        use.octetsCame()
        use.headCame(status: 200, framing: .length(0), allowsKeepAlive: true, unsentCount: 1)
        use.responseEnded(surplusCount: 0)
        #expect(use.rest == .refused(.answeredEarly))
    }

    static let outlines: [(Method, BodyLength, keepsBody: Bool, Bool)] = [
        (.get, .none, false, true), (.post, .none, false, false), (.post, .known(1), true, false),
        (.put, .known(0), false, true), (.put, .known(1), false, false),
        (.put, .known(1), true, true), (.put, .unknown, false, false), (.put, .unknown, true, true),
        (.delete, .none, false, true), (.other("PURGE"), .none, true, false),
    ]

    @Test(arguments: outlines.indices)
    func `method and framing say beforehand what the use will say`(index: Int) {
        let (method, body, keepsBody, mayBeRepeated) = Self.outlines[index]
        let outline = RequestOutline(method, body: body)
        let isSaid = method.mayBeRepeated(with: outline.framing, keepsBody: keepsBody)
        #expect(isSaid == mayBeRepeated)
        var use = UpstreamUse(method: method, framing: outline.framing, isReused: true)
        use.headSent(isTaken: true)
        if !outline.framing.isEmpty { use.bodySent(isLast: true, isTaken: true) }
        use.connectionEnded()
        #expect((use.retryObstacle(keepsBody: keepsBody) == nil) == mayBeRepeated)
    }
}
