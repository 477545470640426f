import Bytes
import HTTP

/// The client's half of a `ServerConnection`: which octets belong to what.
///
///     head --whole head--> announced --wanted--> body --last octet--> whole --answered--> head
///                              └──── unwanted ────> discarding --last octet--> whole
///     announced, whole --101, or 2xx to CONNECT--> tunnel
///     any --error, or nothing more is wanted--> over
struct RequestReader: ~Copyable, Sendable {
    enum State: Sendable {
        /// Between two requests, or within a head.
        case head
        /// The head was given. Nobody has said yet what becomes of the body, so that not an octet
        /// of it is read.
        case announced(BodyDecoder)
        /// The body is wanted: at most `room` more octets of it.
        case body(BodyDecoder, room: Int)
        /// The body is thrown away, so that the next request can be found: at most `room` octets.
        case discarding(BodyDecoder, room: Int)
        /// The request was read to its end; the next one waits for the answer.
        case whole
        /// No request is read any more: what comes is thrown away.
        case over
        /// What comes is not HTTP/1.
        case tunnel
    }

    private(set) var state = State.head
    /// What the answer to the last request depends on whose head was whole, as its head says.
    private(set) var traits = RequestTraits()
    private var heads: RequestHeadDecoder

    init(limits: HeadLimits) { heads = RequestHeadDecoder(limits: limits) }

    /// True when not an octet of a next request was read.
    var isIdle: Bool { if case .head = state { heads.isIdle } else { false } }

    /// Nothing of the request at hand is still to come.
    var isWhole: Bool {
        switch state {
        case .announced(let body), .body(let body, _), .discarding(let body, _):
            body.remainingCount == 0
        case .whole: true
        case .head, .over, .tunnel: false
        }
    }

    /// Octets that come now belong to a body, wanted or not.
    var isInBody: Bool {
        switch state {
        case .body, .discarding: true
        case .head, .announced, .whole, .over, .tunnel: false
        }
    }

    /// There may be a body, or a rest of one, that was not declined.
    var isUnread: Bool {
        switch state {
        case .announced, .body: true
        case .head, .discarding, .whole, .over, .tunnel: false
        }
    }

    /// How many octets of the body are still to come; nil when that is not known.
    var remainingCount: Int? {
        switch state {
        case .announced(let body), .body(let body, _), .discarding(let body, _):
            body.remainingCount
        case .head, .whole, .over, .tunnel: 0
        }
    }

    /// Octets that are kept because something is not whole yet.
    var keptCount: Int {
        switch state {
        case .head: heads.keptCount
        case .announced(let body), .body(let body, _), .discarding(let body, _): body.keptCount
        case .whole, .over, .tunnel: 0
        }
    }

    mutating func use(_ limits: HeadLimits) { heads.use(limits) }

    // MARK: Octets

    /// The next event; nil when more is needed, or nothing may be read now. `index` is moved past
    /// what was read.
    mutating func receive(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(RequestError) -> RequestEvent? {
        switch state {
        case .head: return try readHead(input, at: &index)
        case .announced, .whole: return nil
        case .body: return try readBody(input, at: &index)
        case .discarding:
            discard(input, at: &index)
            return nil
        case .over:
            index = input.count
            return nil
        case .tunnel:
            let start = index
            index = input.count
            return start == index ? nil : .octets(start..<index)
        }
    }

    private mutating func readHead(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(RequestError) -> RequestEvent? {
        let head: RequestHead
        do throws(HeadError) {
            guard let next = try heads.decode(input, at: &index) else { return nil }
            head = next
        } catch {
            state = .over
            throw .head(error)
        }
        traits = RequestTraits(head)
        // What follows CONNECT is for the tunnel, whatever the fields say (RFC 9110 §9.3.6).
        if head.method == .connect {
            state = .announced(BodyDecoder(.none))
            return .head(head, .none)
        }
        do throws(HeadError) {
            let framing = try head.bodyFraming()
            state = .announced(BodyDecoder(framing))
            return .head(head, framing)
        } catch {
            state = .over
            throw .framing(error, of: head)
        }
    }

    private mutating func readBody(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(RequestError) -> RequestEvent? {
        guard case .body(var body, let room) = state else { return nil }
        // Also what holds behind an error.
        state = .over
        if body.isComplete {
            state = .whole
            return .end(trailers: nil)
        }
        let event: BodyEvent?
        do throws(BodyError) {
            event = try body.decode(input, at: &index)
        } catch {
            throw .body(error)
        }
        switch event {
        case .data(let range):
            guard range.count <= room else { throw .bodyTooLarge }
            state = .body(body, room: room - range.count)
            return .data(range)
        case .end(let trailers):
            state = .whole
            return .end(trailers: trailers)
        case nil:
            state = .body(body, room: room)
            return nil
        }
    }

    /// Reads up to the end of a body that nobody wants. When it is malformed, or too long, nothing
    /// behind it will be read.
    private mutating func discard(_ input: Span<UInt8>, at index: inout Int) {
        guard case .discarding(var body, var room) = state else { return }
        state = .over
        do throws(BodyError) {
            while let event = try body.decode(input, at: &index) {
                switch event {
                case .data(let range): room -= range.count
                case .end: return state = .whole
                }
                if room < 0 { return index = input.count }
            }
            state = .discarding(body, room: room)
        } catch {
            index = input.count
        }
    }

    // MARK: Decisions

    /// Throws `bodyTooLarge` when the request says so of its body.
    mutating func want(atMost size: Int) throws(RequestError) {
        guard case .announced(let body) = state else { return }
        guard (body.remainingCount ?? 0) <= size else {
            state = .over
            throw .bodyTooLarge
        }
        state = .body(body, room: size)
    }

    /// Nobody wants the body, or the rest of it. It is read as long as it has no more than `size`
    /// octets; where that cannot be, nothing more is read at all.
    mutating func discard(atMost size: Int) {
        switch state {
        case .announced(let body), .body(let body, _):
            if isWhole { return state = .whole }
            state = canDiscard(atMost: size) ? .discarding(body, room: size) : .over
        case .head, .discarding, .whole, .over, .tunnel: return
        }
    }

    /// The rest of the body may have no more than `size` octets.
    func canDiscard(atMost size: Int) -> Bool {
        switch state {
        case .announced(let body), .body(let body, _):
            body.remainingCount.map { $0 <= size } ?? (size > 0)
        case .head, .discarding, .whole, .over, .tunnel: true
        }
    }

    /// The request is answered: the next one may come.
    mutating func beginNext() { state = .head }

    mutating func beginTunnel() { state = .tunnel }

    mutating func stop() { state = .over }
}
