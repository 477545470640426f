import Bytes
import Clock
import HTTP
import HTTP1
import Transport

/// One client of the demo.
///
///     request -> request …                  (keep-alive)
///     request -> webSocket | events
///     any -> closing -> closed
final class DemoConnection {
    enum Phase {
        /// Waiting for a request, or reading one.
        case request
        case webSocket(DemoSocket)
        case events(DemoEvents)
        /// All is said; what still comes is not looked at.
        case closing
    }

    /// A request under way.
    private struct Incoming {
        var head: RequestHead
        var body: BodyDecoder
        var bodySize = 0
    }

    private static let headTimeout: Duration = .seconds(10)
    private static let bodyTimeout: Duration = .seconds(30)
    private static let idleTimeout: Duration = .seconds(75)
    private static let closingTimeout: Duration = .seconds(5)
    private static let bodyLimit = 1024 * 1024
    /// Octets waiting for a client: beyond the first it is not read from, beyond the second it is
    /// given up.
    private static let pauseSize = 256 * 1024
    private static let queueLimit = 2 * 1024 * 1024

    let token: UInt64
    let stream: Stream
    var phase = Phase.request
    private var heads = RequestHeadDecoder(limits: .request)
    private var incoming: Incoming?
    private var interest = Readiness.readable
    /// The client finished sending.
    private var hasEnded = false
    /// The connection is broken.
    private var hasFailed = false
    /// When the phase has lasted too long; nil when it may last.
    private var deadline: Instant?

    init(token: UInt64, stream: Stream, now: Instant) {
        self.token = token
        self.stream = stream
        deadline = now + Self.idleTimeout
    }

    /// The queue whose updates go here.
    var queueID: String? {
        if case .webSocket(let socket) = phase, case .queue(let id) = socket.channel { return id }
        return nil
    }

    // MARK: Events

    func becameReady(_ readiness: Readiness, in server: DemoServer) {
        if readiness.contains(.broken), !interest.contains(.readable) {
            return server.close(self)
        }
        if readiness.contains(.writable), !stream.flush() { hasFailed = true }
        if interest.contains(.readable), !readiness.isDisjoint(with: [.readable, .broken]) {
            receive(in: server)
        }
        settle(in: server)
    }

    /// Once a second.
    func beat(queueUpdates: [String: [UInt8]], in server: DemoServer) {
        if let deadline, server.now >= deadline { return server.close(self) }
        switch phase {
        case .request, .closing: return
        case .events(var events):
            let event = events.next(server.queue)
            phase = .events(events)
            stream.send(event.span)
        case .webSocket(let socket):
            let update = queueID.flatMap { queueUpdates[$0] }
            guard socket.beat(update, to: stream, now: server.now) else {
                return server.close(self)
            }
        }
        settle(in: server)
    }

    /// The demo ends.
    func sayGoodbye(in server: DemoServer) {
        switch phase {
        case .request, .closing: break
        case .events(let events): stream.send(events.ending().span)
        case .webSocket(let socket): socket.goAway(stream)
        }
        startClosing(now: server.now)
        settle(in: server)
    }

    private func receive(in server: DemoServer) {
        let buffer = server.buffer
        switch stream.receive(into: buffer) {
        case .octets: read(buffer.octets, in: server)
        case .end:
            read(buffer.octets, in: server)
            hasEnded = true
            startClosing(now: server.now)
        case .failed: hasFailed = true
        }
    }

    private func read(_ input: Span<UInt8>, in server: DemoServer) {
        var index = 0
        while index < input.count {
            switch phase {
            case .request: readRequest(input, at: &index, in: server)
            case .webSocket(let socket):
                let goesOn = socket.read(input, at: &index, to: stream, in: server)
                if !goesOn { startClosing(now: server.now) }
            case .events, .closing: return
            }
        }
    }

    /// Closes what is over, and watches for what is still to come.
    private func settle(in server: DemoServer) {
        let waiting = stream.pendingCount
        let isOver = hasFailed || hasEnded && waiting == 0 || waiting > Self.queueLimit
        if isOver { return server.close(self) }
        var wanted: Readiness = waiting > 0 ? .writable : []
        if !hasEnded, waiting < Self.pauseSize { wanted.insert(.readable) }
        guard wanted != interest else { return }
        interest = wanted
        server.watch(self, for: wanted)
    }

    private func startClosing(now: Instant) {
        phase = .closing
        stream.finishSending()
        deadline = now + Self.closingTimeout
    }

    // MARK: Requests

    private func readRequest(_ input: Span<UInt8>, at index: inout Int, in server: DemoServer) {
        do {
            if incoming == nil { try readHead(input, at: &index, in: server) }
            try readBody(input, at: &index)
        } catch let error as HeadError {
            return refuse(.malformed(error), in: server)
        } catch {
            return refuse(.text("The body is malformed.", status: 400), in: server)
        }
        guard let request = incoming else { return }
        guard request.bodySize <= Self.bodyLimit else {
            return refuse(.text("The body is too large.", status: 413), in: server)
        }
        guard request.body.isComplete else { return }
        incoming = nil
        deadline = server.now + Self.idleTimeout
        answer(request.head, bodySize: request.bodySize, in: server)
    }

    private func readHead(
        _ input: Span<UInt8>, at index: inout Int, in server: DemoServer
    ) throws(HeadError) {
        let wasIdle = heads.isIdle
        guard let head = try heads.decode(input, at: &index) else {
            if wasIdle { deadline = server.now + Self.headTimeout }
            return
        }
        let framing = try head.bodyFraming()
        let request = Incoming(head: head, body: BodyDecoder(framing))
        if head.expectsContinue, !request.body.isComplete {
            stream.send("HTTP/1.1 100 Continue\r\n\r\n".utf8.span)
        }
        deadline = server.now + Self.bodyTimeout
        incoming = request
    }

    private func readBody(_ input: Span<UInt8>, at index: inout Int) throws(BodyError) {
        while let event = try incoming?.body.decode(input, at: &index) {
            switch event {
            case .data(let range): incoming?.bodySize += range.count
            case .end: return
            }
        }
    }

    private func answer(_ head: RequestHead, bodySize: Int, in server: DemoServer) {
        switch DemoRoutes.answer(head, bodySize: bodySize) {
        case .response(let response):
            let closes = !head.wantsKeepAlive
            stream.send(response.encoded(hasBody: head.method != .head, closes: closes).span)
            if closes { startClosing(now: server.now) }
        case .events(let events):
            deadline = nil
            phase = .events(events)
            stream.send(events.opening().span)
        case .webSocket(let channel): open(channel, head, in: server)
        }
    }

    private func open(_ channel: DemoChannel, _ head: RequestHead, in server: DemoServer) {
        do {
            let response = try DemoSocket.handshake(head)
            stream.send(response.span)
        } catch let error as HeadError {
            return refuse(.malformed(error), in: server)
        } catch {
            return refuse(.text("No handshake can be made.", status: 500), in: server)
        }
        deadline = nil
        let socket = DemoSocket(channel, now: server.now)
        phase = .webSocket(socket)
        socket.greet(DemoVisitor(head), stream)
    }

    /// The last answer on this connection.
    private func refuse(_ response: DemoResponse, in server: DemoServer) {
        incoming = nil
        stream.send(response.encoded(closes: true).span)
        startClosing(now: server.now)
    }
}
