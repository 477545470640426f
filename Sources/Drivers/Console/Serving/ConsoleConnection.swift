import Bytes
import Clock
import Endings
import HTTP
import HTTP1
import Transport

/// One connection of the console: what of it has to do with the socket, with time and with
/// endpoints. What HTTP/1 allows when, `ServerConnection` knows.
///
/// A request at a time is read, handed to its endpoint and answered. What comes meanwhile waits in
/// the kernel, or behind the request in `held`.
final class ConsoleConnection {
    /// A request under way.
    private struct Exchange {
        var number: UInt64
        var requestID: String
        /// For the log; nil before it is known what is asked for, and for a question.
        var order: String?
        /// Nil when it is refused without its body.
        var admitted: AdmittedRequest?
        var body: [UInt8] = []
    }

    private enum Phase {
        case open
        /// Nothing more is sent. What comes is thrown away; so many octets so far.
        case finishing(lingered: Int)
        case closed
    }

    let id: UInt64
    private let stream: Stream
    private let address: SocketAddress
    private let context: ConsoleContext
    private var http: ServerConnection
    private var exchange: Exchange?
    /// What was received and may not be read before something was answered, or taken.
    private var held: [UInt8] = []
    private var requestCount: UInt64 = 0
    private var phase = Phase.open
    private var hasInputEnded = false
    private var interest = Readiness.readable
    /// For whom the time runs that `deadline` ends; nil when it has to be set anew.
    private var timed: ServerConnection.Waiting?
    /// When `timePassed` has something to do.
    private(set) var deadline: Instant
    /// Since when there is no request under way.
    private(set) var quietSince: Instant
    /// True when the client has sent the right token once.
    private(set) var isTrusted = false

    init(id: UInt64, stream: Stream, address: SocketAddress, context: ConsoleContext) {
        self.id = id
        self.stream = stream
        self.address = address
        self.context = context
        let limits = context.limits
        http = ServerConnection(
            limits: HeadLimits(size: limits.headSize, targetSize: limits.targetSize),
            unreadSize: limits.bodySize)
        quietSince = context.now
        deadline = context.now + limits.idleTime
    }

    var isClosed: Bool { if case .closed = phase { true } else { false } }

    private var isFinishing: Bool { if case .finishing = phase { true } else { false } }

    /// Nothing is lost but time when it is closed now.
    var isBetweenRequests: Bool {
        switch http.waitsFor {
        case .request, .head: !isClosed && stream.pendingCount == 0
        case .body, .answer, .nothing: false
        }
    }

    /// False when it cannot be watched; it is closed then.
    func begin() -> Bool {
        do throws(SystemError) {
            try context.poller.add(stream.descriptor.number, token: id, interest: interest)
            return true
        } catch {
            stream.close()
            phase = .closed
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
        settle()
    }

    func timePassed() {
        guard !isClosed, deadline <= context.now else { return }
        // A client that does not take an answer gets no further one.
        if isFinishing || stream.pendingCount > 0 { return close() }
        switch http.waitsFor {
        case .request, .nothing: return close()
        case .head, .body:
            if http.giveUpRequest() {
                refuse(RequestRefusal(.timeout, 408, "The request did not arrive in time"))
            }
        case .answer:
            respond(
                .problem(
                    Refusal(
                        .timeout, status: 504, message: "The answer takes too long")))
            goOn()
        }
        settle()
    }

    /// An endpoint answers. What is too late is for nobody.
    func answer(_ id: ExchangeID, _ response: ConsoleResponse) {
        guard let exchange, exchange.number == id.number else { return }
        respond(response)
        goOn()
        settle()
    }

    /// The current answer is the last one, if there is a request; else the connection ends now.
    func retire() {
        switch http.waitsFor {
        case .request: http.finish()
        case .head, .body, .answer, .nothing: http.makeLast()
        }
        settle()
    }

    func close() {
        if isClosed { return }
        context.poller.remove(stream.descriptor.number)
        stream.close()
        phase = .closed
        exchange = nil
        held = []
    }

    // MARK: Reading

    /// True while the client is read from; not before it has taken the last answer.
    private var isReading: Bool {
        if hasInputEnded { return false }
        return isFinishing || stream.pendingCount == 0 && http.takesInput && held.isEmpty
    }

    private func drained() {
        guard stream.flush() else { return close() }
        guard stream.pendingCount == 0 else { return }
        timed = nil
        quietSince = context.now
        goOn()
    }

    private func receive() {
        let buffer = context.buffer
        switch stream.receive(into: buffer) {
        case .octets(let count):
            guard case .finishing(let lingered) = phase else { return read(buffer.octets) }
            phase = .finishing(lingered: lingered + count)
            if lingered + count > context.limits.lingerSize { close() }
        case .end:
            if !isFinishing { read(buffer.octets) }
            inputEnded()
        case .failed: close()
        }
    }

    /// A request that is not complete will never be; one that is, is answered all the same.
    private func inputEnded() {
        hasInputEnded = true
        do throws(RequestError) {
            try http.inputEnded()
        } catch {
            close()
        }
    }

    /// Goes on with what was held.
    private func goOn() {
        let octets = held
        held = []
        read(octets.span)
    }

    /// Reads as much as there is, until a request has to be answered first, or an answer taken.
    private func read(_ octets: Span<UInt8>) {
        var index = 0
        do throws(RequestError) {
            while stream.pendingCount == 0, !isClosed,
                let event = try http.receive(octets, at: &index)
            {
                switch event {
                case .head(let head, _): headCame(head)
                case .data(let range):
                    exchange?.body.append(copying: octets.extracting(range))
                case .end: requestIsWhole()
                // The console switches no connection to another protocol.
                case .octets: continue
                }
            }
        } catch {
            failed(error)
        }
        if index < octets.count { held.append(copying: octets.extracting(index..<octets.count)) }
    }

    private func failed(_ error: RequestError) {
        switch error {
        // Strangers hear nothing of that; to others admission says it.
        case .framing(_, let head): headCame(head)
        case .head, .body, .bodyTooLarge: refuse(RequestRefusal(error))
        }
    }

    private func headCame(_ head: RequestHead) {
        requestCount += 1
        exchange = Exchange(number: requestCount, requestID: context.newRequestID())
        do throws(RequestRefusal) {
            isTrusted = try context.isKnown(head, from: address)
            // Strangers get no second request on a connection.
            if !isTrusted { http.makeLast() }
        } catch {
            http.makeLast()
            exchange?.requestID = ""
            return respond(error.response)
        }
        do throws(RequestRefusal) {
            let admitted = try context.admission.admit(head)
            exchange?.order = admitted.order
            exchange?.admitted = admitted
        } catch {
            return respond(error.response)
        }
        expectBody()
    }

    private func expectBody() {
        do throws(RequestError) {
            try http.wantBody(atMost: context.limits.bodySize)
        } catch {
            return refuse(RequestRefusal(error))
        }
        var output: [UInt8] = []
        if http.appendContinue(to: &output) { send(output) }
    }

    private func requestIsWhole() {
        guard let exchange, let admitted = exchange.admitted else { return }
        let body = exchange.body
        self.exchange?.body = []
        do throws(RequestRefusal) {
            let request = try context.admission.finish(admitted, body: body)
            let responder = Responder(
                context.link, ExchangeID(connection: id, number: exchange.number))
            admitted.endpoint.handler(request, responder)
        } catch {
            respond(error.response)
        }
    }

    // MARK: Answering

    /// Answers a request that cannot be read to its end.
    private func refuse(_ refusal: RequestRefusal) {
        guard http.owesAnswer else { return }
        if exchange == nil { exchange = Exchange(number: 0, requestID: context.newRequestID()) }
        respond(refusal.response)
    }

    private func respond(_ response: ConsoleResponse) {
        guard let exchange else { return }
        self.exchange = nil
        let id = exchange.requestID.isEmpty ? nil : exchange.requestID
        if let order = exchange.order, let id {
            context.note(order, response.status, from: address, id: id)
        }
        var output: [UInt8] = []
        http.append(response, requestID: id, now: SystemClock.wallTime(), to: &output)
        send(output)
        timed = nil
        quietSince = context.now
    }

    private func send(_ output: [UInt8]) {
        if !stream.send(output.span) { close() }
    }

    // MARK: What follows

    /// Ends what is over, and watches the socket and the time for what is still to come.
    private func settle() {
        if !isClosed, !isFinishing, let ending = http.ending { finish(ending) }
        if isClosed { return }
        if isFinishing, hasInputEnded, stream.pendingCount == 0 { return close() }
        setDeadline()
        var wanted: Readiness = isReading ? .readable : []
        if stream.pendingCount > 0 { wanted.insert(.writable) }
        if wanted == interest { return }
        interest = wanted
        context.poller.change(stream.descriptor.number, token: id, interest: wanted)
    }

    private func finish(_ ending: ServerConnection.Ending) {
        switch ending {
        case .finished, .leavingRest:
            stream.finishSending()
            phase = .finishing(lingered: 0)
            held = []
            timed = nil
        case .cut: close()
        }
    }

    /// Every turn has its time, from its beginning on.
    private func setDeadline() {
        let waiting = http.waitsFor
        if waiting == timed { return }
        timed = waiting
        let limits = context.limits
        let time =
            switch waiting {
            case _ where stream.pendingCount > 0: limits.sendTime
            case .request: limits.idleTime
            case .head: limits.headTime
            case .body: limits.bodyTime
            case .answer: limits.answerTime
            case .nothing: limits.lingerTime
            }
        deadline = context.now + time
    }
}

extension RequestRefusal {
    /// The refusal of a request that cannot be read to its end.
    fileprivate init(_ error: RequestError) {
        let isTooBig = [413, 414, 431].contains(error.status)
        self.init(isTooBig ? .tooBig : .protocolError, error.status, error.message)
    }
}
