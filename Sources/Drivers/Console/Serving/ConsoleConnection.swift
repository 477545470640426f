import Bytes
import Clock
import Endings
import HTTP
import HTTP1
import Transport

/// One connection: a request at a time is read, handed to its endpoint and answered. What comes
/// meanwhile waits in the kernel, or behind the request in `input`.
///
/// ```
///            head           body, if any           answer
///   reading ──────▶ body ────────────────▶ answering ──────▶ reading
///      │              │                        │ (the last)
///      └──────────────┴────────────────────────┴──────▶ closing ──▶ closed
/// ```
final class ConsoleConnection {
    private enum State {
        /// Between requests, or within a head.
        case reading
        case body(Arrival)
        case answering(Exchange)
        /// Everything is said; what still comes is thrown away.
        case closing
        case closed
    }

    /// A request whose body is coming.
    private struct Arrival {
        var exchange: Exchange
        var admitted: AdmittedRequest
        var decoder: BodyDecoder
        var body: [UInt8] = []
    }

    /// What of a request has to be known to answer it.
    private struct Exchange {
        var number: UInt64
        var requestID: String
        /// For the log; nil before it is known what is asked for, and for a question.
        var order: String?
        var hasResponseBody: Bool
        var minorVersion: UInt8
    }

    let id: UInt64
    private let stream: Stream
    private let address: SocketAddress
    private let desk: ConsoleDesk
    private var state = State.reading
    private var heads: RequestHeadDecoder
    /// What was received and not yet read; at most what the last receive brought.
    private var input: [UInt8] = []
    private var inputIndex = 0
    private var requestCount: UInt64 = 0
    /// The answer at hand is the last one.
    private var isLast = false
    private var isInHead = false
    private var lingered = 0
    private var interest = Readiness.readable
    /// When `timePassed` has something to do.
    private(set) var deadline: Instant
    /// Since when there is no request under way.
    private(set) var quietSince: Instant
    /// It brought the token once.
    private(set) var isTrusted = false

    init(id: UInt64, stream: Stream, address: SocketAddress, desk: ConsoleDesk) {
        self.id = id
        self.stream = stream
        self.address = address
        self.desk = desk
        heads = RequestHeadDecoder(
            limits: HeadLimits(
                size: desk.limits.headSize, targetSize: desk.limits.targetSize))
        quietSince = desk.now
        deadline = desk.now + desk.limits.idleTime
    }

    var isClosed: Bool { if case .closed = state { true } else { false } }

    /// Nothing is lost but time when it is closed now.
    var isBetweenRequests: Bool {
        if case .reading = state { stream.pendingCount == 0 } else { false }
    }

    /// False when it cannot be watched; it is closed then.
    func begin() -> Bool {
        do throws(SystemError) {
            try desk.poller.add(stream.descriptor.number, token: id, interest: interest)
            return true
        } catch {
            stream.close()
            state = .closed
            return false
        }
    }

    // MARK: Events

    func becameReady(_ readiness: Readiness) {
        if readiness.isWritable { drained() }
        if isClosed { return }
        if isReading {
            if readiness.isReadable || readiness.isBroken { receive() }
        } else if readiness.isBroken {
            return close()
        }
        watch()
    }

    func timePassed() {
        guard !isClosed, deadline <= desk.now else { return }
        switch state {
        case .reading where !isInHead, .closing, .closed: close()
        case .reading, .body:
            refuse(RequestRefusal(.timeout, 408, "The request did not come in time"))
        case .answering(let exchange):
            respond(
                .problem(
                    Refusal(
                        .timeout, status: 504, message: "What was asked for takes too long")),
                to: exchange)
            advance()
        }
        watch()
    }

    /// An endpoint answers. What is too late is for nobody.
    func answer(_ id: ExchangeID, _ response: ConsoleResponse) {
        guard case .answering(let exchange) = state, exchange.number == id.number else { return }
        respond(response, to: exchange)
        advance()
        watch()
    }

    /// The answer at hand is the last one, if there is a request; else this is the end.
    func retire() {
        isLast = true
        if case .reading = state, !isInHead {
            if stream.pendingCount == 0 { return close() }
            finish()
            watch()
        }
    }

    func close() {
        if isClosed { return }
        desk.poller.remove(stream.descriptor.number)
        stream.close()
        state = .closed
        input = []
    }

    // MARK: Reading

    /// Who has not taken the answer before is asked nothing more.
    private var isReading: Bool {
        switch state {
        case .reading, .body: stream.pendingCount == 0
        case .closing: true
        case .answering, .closed: false
        }
    }

    private func drained() {
        guard stream.flush() else { return close() }
        guard stream.pendingCount == 0 else { return }
        switch state {
        case .reading:
            becameQuiet()
            advance()
        case .closing: deadline = desk.now + desk.limits.lingerTime
        case .body, .answering, .closed: break
        }
    }

    private func receive() {
        switch stream.receive(into: desk.buffer) {
        case .octets(let count):
            if case .closing = state {
                lingered += count
                if lingered > desk.limits.lingerSize { close() }
                return
            }
            // Everything before was read.
            input.removeAll(keepingCapacity: true)
            inputIndex = 0
            let buffer = desk.buffer
            input.append(copying: buffer.octets)
            advance()
        // A request that is not complete will never be.
        case .end, .failed: close()
        }
    }

    /// Reads as much as there is, until a request has to be answered first.
    private func advance() {
        while true {
            switch state {
            case .reading:
                guard stream.pendingCount == 0, let head = nextHead() else { return }
                headCame(head)
            case .body(var arrival):
                guard readBody(&arrival) else { return }
            case .answering, .closing, .closed: return
            }
        }
    }

    private func nextHead() -> RequestHead? {
        let octets = input
        do throws(HeadError) {
            if let head = try heads.decode(octets.span, at: &inputIndex) {
                isInHead = false
                return head
            }
        } catch {
            refuse(RequestRefusal(error.refusal))
            return nil
        }
        if !heads.isIdle, !isInHead {
            isInHead = true
            deadline = desk.now + desk.limits.headTime
        }
        return nil
    }

    private func headCame(_ head: RequestHead) {
        requestCount += 1
        var exchange = Exchange(
            number: requestCount, requestID: desk.newRequestID(), order: nil,
            hasResponseBody: head.method != .head, minorVersion: head.minorVersion)
        do throws(RequestRefusal) {
            try desk.authenticate(head, from: address)
        } catch {
            // Strangers get no second request on a connection.
            isLast = true
            exchange.requestID = ""
            return respond(error.response, to: exchange)
        }
        isTrusted = true
        if !head.wantsKeepAlive { isLast = true }
        do throws(RequestRefusal) {
            let admitted = try desk.admission.admit(head)
            exchange.order = admitted.order
            expectBody(
                Arrival(
                    exchange: exchange, admitted: admitted,
                    decoder: BodyDecoder(admitted.framing)))
        } catch {
            // A body nobody reads would be taken for the next request.
            let framing = try? head.bodyFraming()
            if framing != BodyFraming.none, framing != .length(0) { isLast = true }
            respond(error.response, to: exchange)
        }
    }

    private func expectBody(_ arrival: Arrival) {
        if arrival.decoder.isComplete { return hand(over: arrival) }
        // Who has begun to send it waits for nothing.
        if arrival.admitted.awaitsContinue, inputIndex == input.count {
            let interim = ResponseEncoder.goOn
            stream.send(interim.span)
        }
        deadline = desk.now + desk.limits.bodyTime
        state = .body(arrival)
    }

    /// - Returns: false when more is needed.
    private func readBody(_ arrival: inout Arrival) -> Bool {
        // Put back below: what two hold is copied when it grows.
        state = .reading
        do throws(RequestRefusal) {
            let isComplete = try take(&arrival)
            state = .body(arrival)
            if isComplete { hand(over: arrival) }
            return isComplete
        } catch {
            isLast = true
            respond(error.response, to: arrival.exchange)
            return true
        }
    }

    private func take(_ arrival: inout Arrival) throws(RequestRefusal) -> Bool {
        let octets = input
        while true {
            let event: BodyEvent?
            do throws(BodyError) {
                event = try arrival.decoder.decode(octets.span, at: &inputIndex)
            } catch {
                let reason: EndReason = error.status == 400 ? .protocolError : .tooBig
                throw RequestRefusal(reason, error.status, error.message)
            }
            switch event {
            case .data(let range):
                guard arrival.body.count + range.count <= desk.limits.bodySize else {
                    throw .tooBig
                }
                arrival.body += octets[range]
            case .end: return true
            case nil: return arrival.decoder.isComplete
            }
        }
    }

    private func hand(over arrival: Arrival) {
        do throws(RequestRefusal) {
            let request = try desk.admission.finish(arrival.admitted, body: arrival.body)
            state = .answering(arrival.exchange)
            deadline = desk.now + desk.limits.answerTime
            let responder = Responder(
                desk.board, ExchangeID(connection: id, number: arrival.exchange.number))
            arrival.admitted.endpoint.handler(request, responder)
        } catch {
            respond(error.response, to: arrival.exchange)
        }
    }

    // MARK: Answering

    /// Of a request that cannot be read to its end.
    private func refuse(_ refusal: RequestRefusal) {
        isLast = true
        let exchange: Exchange =
            if case .body(let arrival) = state {
                arrival.exchange
            } else {
                Exchange(
                    number: 0, requestID: desk.newRequestID(), order: nil,
                    hasResponseBody: true, minorVersion: 1)
            }
        respond(refusal.response, to: exchange)
    }

    private func respond(_ response: ConsoleResponse, to exchange: Exchange) {
        let id = exchange.requestID.isEmpty ? nil : exchange.requestID
        if let order = exchange.order, let id {
            desk.note(order, response.status, from: address, id: id)
        }
        let octets = ResponseEncoder.encode(
            response,
            .init(
                requestID: id, hasBody: exchange.hasResponseBody, isLast: isLast,
                minorVersion: exchange.minorVersion, now: SystemClock.wallTime()))
        guard stream.send(octets.span) else { return close() }
        state = .reading
        isInHead = false
        becameQuiet()
        if isLast { finish() }
    }

    /// Until the next request; before that, the answer has to be taken.
    private func becameQuiet() {
        quietSince = desk.now
        let isSent = stream.pendingCount == 0
        deadline = desk.now + (isSent ? desk.limits.idleTime : desk.limits.sendTime)
    }

    private func finish() {
        stream.finishSending()
        state = .closing
        let isSent = stream.pendingCount == 0
        deadline = desk.now + (isSent ? desk.limits.lingerTime : desk.limits.sendTime)
    }

    private func watch() {
        if isClosed { return }
        var wanted: Readiness = isReading ? .readable : []
        if stream.pendingCount > 0 { wanted.insert(.writable) }
        if wanted == interest { return }
        interest = wanted
        desk.poller.change(stream.descriptor.number, token: id, interest: wanted)
    }
}
