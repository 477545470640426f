internal import Bytes
package import Clock
package import Endings
package import Generations
package import HTTP
package import HTTP1
internal import Loop
package import Relays
package import Transport

/// One request of a client and the way back, whatever connection carries it: its body read, its
/// answer written, or both made a tunnel. Whoever serves the request steers the client's connection
/// by this alone.
///
/// What is written stands in the loop's scratch until `flush`.
package enum ClientStream {
    case http1(HTTP1Client)

    private var loop: Loop { http1.loop }

    private var http1: HTTP1Client {
        switch self {
        case .http1(let client): client
        }
    }

    // MARK: The request

    /// More of the request's body is to come, unless it is declined.
    package var lacksBody: Bool { http1.http.lacksBody }

    /// What the body lacks; nil when it is whole.
    ///
    /// - Parameter hasAllCome: nothing has come that was not used yet.
    package func missingBody(hasAllCome: Bool) -> MissingBody? {
        http1.missingBody(hasAllCome: hasAllCome)
    }

    /// The body is read, up to so many octets.
    ///
    /// - Throws: a refusal when the request says that it has more.
    package func wantBody(atMost size: Int) throws(Refusal) {
        do throws(RequestError) {
            try http1.http.wantBody(atMost: size)
        } catch {
            throw error.refusal
        }
    }

    /// The next event of the request at hand; nil when more is needed.
    package func receive(
        _ octets: Span<UInt8>, at index: inout Int
    ) throws(RequestError) -> RequestEvent? {
        try http1.http.receive(octets, at: &index)
    }

    /// Tells a client that waits for it to send the body.
    package func allowBody() {
        var output: [UInt8] = []
        if http1.http.appendContinue(to: &output) { http1.socket.stream.send(output.span) }
    }

    /// Throws away what belongs to a body that was declined. What comes behind a request, or for a
    /// WebSocket that is open, is left alone.
    package func skip(_ octets: Span<UInt8>, at index: inout Int) {
        if !http1.http.isTunnel { _ = try? http1.http.receive(octets, at: &index) }
    }

    /// The rest of the body is thrown away.
    package func discardBody() { http1.http.discardBody() }

    /// The rest of the body has not come in time.
    ///
    /// - Returns: true when an answer can say so.
    package func giveUpRequest() -> Bool { http1.http.giveUpRequest() }

    // MARK: The answer

    /// The answer at hand, or the next one, is the last.
    package var isLast: Bool { http1.http.isLast }

    /// - Parameter leavingRest: what comes behind the request is none, whatever the answer is.
    package func makeLast(leavingRest: Bool = false) {
        http1.http.makeLast(leavingRest: leavingRest)
    }

    /// Begins the head of an answer of the gateway's own; fields and `endHead` are to follow.
    ///
    /// - Returns: false when no such answer can be given, see `ServerConnection.beginHead`.
    package func beginHead(status: Int) -> Bool {
        http1.http.beginHead(status: status, to: &loop.scratch)
    }

    /// Begins the head of a response of the app's; else as `beginHead(status:)`.
    package func beginHead(of head: ResponseHead) -> Bool {
        http1.http.beginHead(of: head, to: &loop.scratch)
    }

    /// Ends the head; `end` is to follow, unless it is informational or makes a tunnel.
    ///
    /// - Parameters:
    ///   - length: octets of the body, if that is known.
    ///   - namesUpgrade: the head has a field `Upgrade`.
    /// - Returns: false when such a head cannot be given.
    package func endHead(length: Int?, namesUpgrade: Bool = false) -> Bool {
        http1.http.endHead(length: length, namesUpgrade: namesUpgrade, to: &loop.scratch)
    }

    /// Puts octets of the response's body, framed, behind what waits in the scratch; large pieces
    /// that need no framing go without being copied.
    package func send(_ data: Span<UInt8>) {
        switch http1.http.passage(of: data.count, to: &loop.scratch) {
        case .chunk:
            loop.scratch.append(copying: data)
            HeadEncoder.appendChunkEnd(to: &loop.scratch)
        case .bare where data.count > Self.copiedSize:
            flush()
            http1.socket.stream.send(data)
        case .bare: loop.scratch.append(copying: data)
        case .withheld, nil: break
        }
    }

    /// More octets than these are rather sent for themselves than copied.
    private static let copiedSize = 8 * 1024

    /// Writes the end of the response.
    package func end(trailers: Fields? = nil) {
        http1.http.end(trailers: trailers, to: &loop.scratch)
    }

    /// The answer cannot be given as it should: the connection ends behind it.
    package func breakOff() { http1.http.cut() }

    /// Sends what was written.
    package func flush() { loop.sendScratch(on: http1.socket.stream) }

    // MARK: Tunnels

    /// Sends frames of a WebSocket, or what else goes on as it is.
    package func sendFrames(_ octets: Span<UInt8>) {
        switch self {
        case .http1(let client): client.socket.stream.send(octets)
        }
    }

    /// Sends what stands in a buffer, which is empty then; else as `sendFrames(_:)`.
    package func sendFrames(of output: inout [UInt8]) {
        if output.isEmpty { return }
        http1.socket.stream.send(output.span)
        output.removeAll(keepingCapacity: true)
    }

    // MARK: What the client has

    /// Octets that the client has not taken yet.
    package var waiting: Int {
        // Asked at every piece: without a reference of its own to the connection.
        switch self {
        case .http1(let client): client.socket.stream.pendingCount
        }
    }

    /// Octets that the client's system has taken so far.
    package var takenCount: Int64 { http1.socket.stream.takenCount }

    /// Octets that the client's system has acknowledged so far.
    package var acknowledgedCount: Int64 { http1.socket.stream.acknowledgedCount }

    package var acknowledgements: Acknowledgements {
        Acknowledgements(
            count: http1.socket.stream.acknowledgedCount,
            outstanding: http1.socket.stream.outstandingCount)
    }

    /// Octets that the kernel has taken, and has not been able to send.
    package var unsentCount: Int { http1.socket.stream.unsentCount }

    // MARK: Timers

    /// Something of the request's is due then: `ClientEvent.due` says so.
    package func set(_ timer: ClientTimer, at instant: Instant) { http1.set(timer, at: instant) }

    package func clear(_ timer: ClientTimer) { http1.clear(timer) }

    // MARK: The connection

    /// The client, and how it connected.
    package var origin: ConnectionOrigin { http1.origin }

    /// Where the connection came in, and by which generation it is served.
    package var doorway: Doorway { http1.doorway }

    /// The client sends no more, whether or not all of it was received.
    package var hasFinished: Bool { http1.hasFinished }

    /// All that the client has to say was received.
    package var hasInputEnded: Bool { http1.hasInputEnded }

    /// When octets last came.
    package var lastHeard: Instant { http1.lastHeard }

    /// The client speaks TLS with the gateway.
    package var isTLS: Bool { http1.doorway.isTLS }

    /// The generation that judges the request.
    package var generation: Generation { http1.generation }

    /// The address that the client has connected to: by a PROXY header, else by its socket.
    package var serverAddress: SocketAddress? {
        http1.origin.server ?? http1.socket.stream.localAddress
    }

    /// The answer is an event stream: a client that does not acknowledge what was sent for so long
    /// is gone, and how fast it takes what waits is another matter from here on.
    package func becomeEventStream(userTimeoutMilliseconds: Int32) {
        http1.socket.stream.setUserTimeout(milliseconds: userTimeoutMilliseconds)
        http1.forgetTaking()
    }

    /// Says what follows without TLS, to a client that does not speak it.
    package func sendUnencrypted(_ octets: Span<UInt8>) {
        System.write(octets, to: http1.socket.stream.descriptor.number)
    }
}
