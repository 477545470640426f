import Bytes
package import HTTP

/// The server's side of one HTTP/1 connection, without I/O and clock (RFC 9112): octets in,
/// requests out; answers in, octets out. What of both is legal when, is decided here alone.
///
/// A request goes through `RequestReader`, its answer through `ResponseWriter`; where the two meet
/// is `settle()`:
///
/// ```
///   request             answer     then
///   whole               whole      the next request, or the end if the answer said `close` (§9.3)
///   some is unread      whole      it is thrown away if it is short enough, else the end (§9.6)
///   failed, or ended    whole      the end
///   any                 cut        the end
/// ```
///
/// A request that comes behind another waits until that was answered (§9.3.2): `receive` leaves its
/// octets alone, and whoever feeds the connection keeps them.
///
/// The owner feeds `receive` until it answers nil, carries out what it is told, asks `waitsFor` for
/// whom time runs, and `ending` whether the connection is over. What it is not allowed to say is
/// not written: the function answers false.
package struct ServerConnection: ~Copyable {
    private let unreadSize: Int
    private var reader: RequestReader
    private var writer = ResponseWriter()
    private var request = RequestTraits()
    /// `inputEnded` was told.
    package private(set) var hasInputEnded = false
    /// More may come of a request that is not read any more.
    private var leavesRest = false
    /// The answer at hand, or the next one, is the last.
    package private(set) var isLast = false
    /// Set when the connection is over as soon as everything that was written is sent.
    package private(set) var ending: Ending?
    /// Octets that came as bodies so far, framing included: what a least rate is held against.
    package private(set) var bodyCount: Int64 = 0

    /// - Parameters:
    ///   - limits: of heads.
    ///   - unreadSize: octets of a body that nobody wants and that are still read for the sake of
    ///     the next request; 0 to close the connection then.
    package init(limits: HeadLimits, unreadSize: Int = 0) {
        reader = RequestReader(limits: limits)
        self.unreadSize = unreadSize
    }

    // MARK: Questions

    /// For whom time runs.
    package var waitsFor: Waiting {
        if ending != nil { return .nothing }
        switch reader.state {
        case .head: return reader.isIdle ? .request : .head
        case .announced: return .answer
        case .body: return request.awaitsContinue ? .answer : .body
        case .discarding: return .body
        case .whole: return .answer
        case .over: return .answer
        case .tunnel: return .nothing
        }
    }

    /// True when octets that came now would be read: behind a request that waits for its answer
    /// they would only have to be kept.
    package var takesInput: Bool {
        switch reader.state {
        case .head, .body, .discarding, .over, .tunnel: true
        case .announced, .whole: false
        }
    }

    /// Nothing is under way: not an octet of a request has come, and none waits for its answer.
    package var isIdle: Bool { ending == nil && reader.isIdle && writer.state == .none }

    /// More of the body of the request at hand is to come, unless that is declined.
    package var lacksBody: Bool { reader.isUnread && !reader.isWhole }

    /// How many octets of the body are still to come; nil when that is not known.
    package var lackingCount: Int? { reader.remainingCount }

    /// The client has still to be told that the body is wanted.
    package var awaitsContinue: Bool { request.awaitsContinue && owesAnswer }

    /// An answer has to be given, and nothing of it was written but informational ones.
    package var owesAnswer: Bool { ending == nil && writer.state == .due }

    /// Other octets than HTTP/1 are spoken.
    package var isTunnel: Bool { writer.state == .tunnel }

    /// Octets that are kept because a head or trailers are not whole yet.
    package var keptCount: Int { reader.keptCount }

    // MARK: The client

    /// From the next head on; one that has begun keeps its limits.
    package mutating func use(_ limits: HeadLimits) { reader.use(limits) }

    /// The next event; nil when more is needed, or an answer comes first. `index` is moved past
    /// what was read, and what is left then belongs behind it: it has to be handed in again.
    ///
    /// - Throws: why no request can be read any more, once. It is answered if `owesAnswer`; what
    ///   came with it and from then on is thrown away.
    package mutating func receive(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(RequestError) -> RequestEvent? {
        while true {
            let start = index
            let isBody = reader.isInBody
            defer { if isBody { bodyCount += Int64(index - start) } }
            do throws(RequestError) {
                if let event = try reader.receive(input, at: &index) {
                    note(event, hasMore: index < input.count)
                    return event
                }
            } catch {
                index = input.count
                failed(error)
                throw error
            }
            if isBody { bodyContinued(hasCome: index > start) }
            settle()
            guard index > start, index < input.count, case .head = reader.state else { return nil }
        }
    }

    private mutating func bodyContinued(hasCome: Bool) {
        if hasCome { request.awaitsContinue = false }
        // It was to be thrown away, and is too long for that, or malformed.
        if case .over = reader.state { leaveRest() }
    }

    private mutating func note(_ event: RequestEvent, hasMore: Bool) {
        switch event {
        case .head:
            request = reader.traits
            // Who has begun to send the body waits for nothing.
            if request.awaitsContinue, reader.isWhole || hasMore { request.awaitsContinue = false }
            if !request.wantsKeepAlive { isLast = true }
            writer.requestCame()
        case .data, .end:
            request.awaitsContinue = false
            settle()
        case .octets: break
        }
    }

    private mutating func failed(_ error: RequestError) {
        isLast = true
        leavesRest = true
        switch error {
        case .head:
            request = RequestTraits()
            writer.requestCame()
        case .framing:
            request = reader.traits
            // Whatever it waits for, it is not read.
            request.awaitsContinue = false
            writer.requestCame()
        case .body, .bodyTooLarge: settle()
        }
    }

    /// The client has sent all it will, and everything was handed in.
    ///
    /// - Throws: `incomplete` for a request that will never be whole. Whether anybody is there for
    ///   an answer, the owner has to know.
    package mutating func inputEnded() throws(RequestError) {
        hasInputEnded = true
        isLast = true
        leavesRest = false
        if ending == .leavingRest { ending = .finished }
        switch reader.state {
        case .head: close()
        case .announced, .body:
            if reader.isWhole { return }
            reader.stop()
            settle()
            throw .body(.incomplete)
        case .discarding:
            reader.stop()
            settle()
        case .whole, .over, .tunnel: break
        }
    }

    // MARK: The body of a request

    /// The body of the request at hand is wanted: `receive` goes on to its `end`.
    ///
    /// - Throws: `bodyTooLarge` when the request says that it has more than `size` octets. A
    ///   chunked one is refused when more come.
    package mutating func wantBody(atMost size: Int = .max) throws(RequestError) {
        do throws(RequestError) {
            try reader.want(atMost: size)
        } catch {
            failed(error)
            throw error
        }
    }

    /// Tells a client to send the body that waits for it; false, and nothing written, when it
    /// waits for nothing.
    @discardableResult
    package mutating func appendContinue(to output: inout [UInt8]) -> Bool {
        guard awaitsContinue else { return false }
        request.awaitsContinue = false
        HeadEncoder.appendStatusLine(status: 100, to: &output)
        HeadEncoder.appendEnd(to: &output)
        return true
    }

    /// Nobody wants the body, or the rest of it. It is read up to `unreadSize`, so that the
    /// connection may go on; otherwise the answer is the last.
    package mutating func discardBody() {
        guard reader.isUnread else { return }
        // A client that asks first has not sent it and, being answered, never will.
        reader.discard(atMost: request.awaitsContinue ? -1 : unreadSize)
        if case .over = reader.state { leaveRest() }
        settle()
    }

    private mutating func leaveRest() {
        isLast = true
        leavesRest = !hasInputEnded
    }

    /// The rest of the request is not waited for any longer, and neither is any other: its time is
    /// over.
    ///
    /// - Returns: true when an answer can say so, false when there is nothing to answer: a client
    ///   that has not begun a request hears nothing.
    package mutating func giveUpRequest() -> Bool {
        if ending != nil { return false }
        switch reader.state {
        case .head:
            if reader.isIdle {
                finish()
                return false
            }
            request = RequestTraits()
            writer.requestCame()
        case .announced, .body, .discarding: break
        case .whole, .over, .tunnel: return owesAnswer
        }
        reader.stop()
        isLast = true
        settle()
        return owesAnswer
    }

    // MARK: Answers

    /// Writes the status line of an answer, behind which its field lines are to be written, but for
    /// those that `endHead` writes: `Content-Length`, `Transfer-Encoding` and `Connection`.
    ///
    /// - Parameter reason: nil for the standard phrase.
    /// - Returns: false when no such answer can be given now: none is owed, the client knows none
    ///   with a status below 200 (HTTP/1.0, RFC 9110 §15.2), or has not asked for a 101.
    package mutating func beginHead(
        status: Int, reason: String? = nil, to output: inout [UInt8]
    ) -> Bool {
        guard canAnswer(status) else { return false }
        HeadEncoder.appendStatusLine(status: status, reason: reason, to: &output)
        writer.headBegan(status: status)
        return true
    }

    /// The same with the status line of a response that came from elsewhere.
    package mutating func beginHead(of head: ResponseHead, to output: inout [UInt8]) -> Bool {
        guard canAnswer(head.status) else { return false }
        HeadEncoder.appendStatusLine(of: head, to: &output)
        writer.headBegan(status: head.status)
        return true
    }

    private func canAnswer(_ status: Int) -> Bool {
        guard owesAnswer, (100...999).contains(status) else { return false }
        if status == 101 { return request.asksForUpgrade && reader.isWhole }
        return status >= 200 || request.minorVersion == 1
    }

    /// Writes how the body is framed and whether the connection goes on, and ends the head.
    ///
    /// - Parameters:
    ///   - length: octets of the content, or how many there would be in the answer to a GET
    ///     (RFC 9110 §8.6); nil when that is not known.
    ///   - namesUpgrade: the head has a field `Upgrade`, which `Connection` has to name (RFC 9110
    ///     §7.8); that of a 101 always has.
    @discardableResult
    package mutating func endHead(
        length: Int?, namesUpgrade: Bool = false, to output: inout [UInt8]
    ) -> Bool {
        guard case .head(let status) = writer.state else { return false }
        if status == 101 {
            HeadEncoder.appendField(name: "Connection", value: "Upgrade", to: &output)
            beginTunnel()
        } else if status < 200 {
            if status == 100 { request.awaitsContinue = false }
            writer.informationEnded()
        } else if request.isConnect, status < 300 {
            beginTunnel()
        } else {
            endFinalHead(status, length, namesUpgrade, to: &output)
        }
        HeadEncoder.appendEnd(to: &output)
        return true
    }

    private mutating func beginTunnel() {
        // What comes behind the request is for the tunnel.
        leavesRest = false
        reader.beginTunnel()
        writer.beginTunnel()
    }

    private mutating func endFinalHead(
        _ status: Int, _ length: Int?, _ namesUpgrade: Bool, to output: inout [UInt8]
    ) {
        let framing = BodyFraming(
            status: status, length: length, isHead: request.isHead,
            minorVersion: request.minorVersion)
        if framing == .untilClose { isLast = true }
        judgeRest()
        if framing == .chunked {
            HeadEncoder.appendField(name: "Transfer-Encoding", value: "chunked", to: &output)
        } else if let length, status != 204 {
            HeadEncoder.appendContentLength(length, to: &output)
        }
        HeadEncoder.appendConnection(
            isLast: isLast, minorVersion: request.minorVersion, namesUpgrade: namesUpgrade,
            to: &output)
        writer.headEnded(framing)
    }

    /// Before an answer says whether the connection goes on: can the next request be found?
    private mutating func judgeRest() {
        // A client that CONNECTs may already be sending what is for nobody but its tunnel.
        if request.isConnect { return leaveRest() }
        switch reader.state {
        case .announced: discardBody()
        case .body:
            let size = request.awaitsContinue ? -1 : unreadSize
            if !reader.canDiscard(atMost: size) { isLast = true }
        case .head, .discarding, .whole, .over, .tunnel: break
        }
    }

    /// How `count` octets of the body go to the client, for whoever sends them without a copy; nil
    /// when they must not: there is no body, or its length said less.
    package mutating func passage(of count: Int, to output: inout [UInt8]) -> DataPassage? {
        ending == nil ? writer.passage(of: count, to: &output) : nil
    }

    /// Writes octets of the body, framed; false when they must not go.
    @discardableResult
    package mutating func send(_ data: Span<UInt8>, to output: inout [UInt8]) -> Bool {
        switch passage(of: data.count, to: &output) {
        case .withheld: return true
        case .bare: output.append(copying: data)
        case .chunk:
            output.append(copying: data)
            HeadEncoder.appendChunkEnd(to: &output)
        case nil: return false
        }
        return true
    }

    /// Writes the end of the answer. Trailers go with a chunked body only.
    ///
    /// - Returns: false when there is nothing to end, and when the body is shorter than its length
    ///   said: then the connection is over, which is how the client can tell.
    @discardableResult
    package mutating func end(trailers: Fields? = nil, to output: inout [UInt8]) -> Bool {
        guard ending == nil, !isTunnel else { return false }
        guard writer.end(trailers: trailers, to: &output) else {
            if case .body = writer.state { cut() }
            return false
        }
        settle()
        return true
    }

    // MARK: Ends

    /// The answer at hand, or the next one, is the last.
    ///
    /// - Parameter leavingRest: what comes behind the request is none, as behind the handshake of
    ///   another protocol, and it comes whatever the answer is.
    package mutating func makeLast(leavingRest: Bool = false) {
        isLast = true
        if leavingRest, !hasInputEnded { leavesRest = true }
    }

    /// Ends the connection as soon as the request at hand is answered, and at once when there is
    /// none, even if one has begun to come.
    package mutating func finish() {
        isLast = true
        switch writer.state {
        case .none, .tunnel: close()
        case .due, .head, .bodiless, .body, .whole: break
        }
    }

    /// Nothing more is said: the request at hand gets no answer, or not the rest of it, because
    /// nobody hears it (`cut`, where the end would make it whole); or the tunnel is over.
    package mutating func hangUp() {
        isLast = true
        if isUntilClose { cut() } else { close() }
    }

    /// The answer at hand, or the tunnel, is broken off, and the client shall see that it is.
    package mutating func cut() {
        guard ending == nil else { return }
        ending = .cut(needsReset: isUntilClose)
        isLast = true
        reader.stop()
    }

    private var isUntilClose: Bool { writer.state == .body(BodyEncoder(.untilClose)) }

    private mutating func close() {
        guard ending == nil else { return }
        reader.stop()
        ending = leavesRest ? .leavingRest : .finished
    }

    /// What follows when the answer is whole.
    private mutating func settle() {
        guard writer.state == .whole, ending == nil else { return }
        if reader.isUnread { return discardBody() }
        switch reader.state {
        case .whole where !isLast:
            reader.beginNext()
            writer.beginNext()
        case .discarding where !isLast: break
        case .discarding:
            leavesRest = true
            close()
        case .head, .announced, .body, .whole, .over: close()
        case .tunnel: break
        }
    }
}
