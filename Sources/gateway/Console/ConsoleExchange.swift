import Clock
import Glibc
import HTTP
import HTTP1
import Transport

/// One request to the console on a connection of its own, which is waited for.
struct ConsoleExchange: ~Copyable {
    enum Reply {
        case answer(status: Int, body: [UInt8])
        case tooLarge
        /// The answer is not HTTP, or answers another request.
        case malformed
        /// The connection ended before the answer was complete.
        case cut
    }

    private var fetch: HTTPFetch
    private var status = 0

    init(_ fetch: consuming HTTPFetch) { self.fetch = fetch }

    /// Sends the request to `address` and waits for the answer.
    ///
    /// - Throws: `SystemError` when there is no connection, or no whole answer in time.
    mutating func run(
        with address: SocketAddress, atMost patience: Duration
    ) throws(SystemError) -> Reply {
        let deadline = SystemClock.now() + patience
        let (stream, isConnected) = try Stream.connect(to: address)
        defer { stream.close() }
        let poller = try Poller()
        try poller.add(stream.descriptor.number, token: 0, interest: .writable)
        if !isConnected {
            try Self.wait(poller, until: deadline)
            try stream.finishConnecting()
        }
        fetch.wasSent(isTaken: stream.send(fetch.request.span))
        let buffer = ReadBuffer()
        while true {
            var wanted = Readiness.readable
            if stream.pendingCount > 0 { wanted.insert(.writable) }
            poller.change(stream.descriptor.number, token: 0, interest: wanted)
            try Self.wait(poller, until: deadline)
            // A console that stops reading may have answered before.
            stream.flush()
            if let reply = receive(from: stream, into: buffer) { return reply }
        }
    }

    /// Nil when more is needed.
    private mutating func receive(from stream: Stream, into buffer: ReadBuffer) -> Reply? {
        switch stream.receive(into: buffer) {
        case .octets(let count): count > 0 ? take(buffer.octets) : nil
        case .end(let count): (count > 0 ? take(buffer.octets) : nil) ?? end(isBroken: false)
        case .failed: end(isBroken: true)
        }
    }

    private mutating func take(_ octets: Span<UInt8>) -> Reply? {
        var index = 0
        do throws(ResponseError) {
            while let event = try fetch.receive(octets, at: &index) {
                switch event {
                case .head(let head): status = head.status
                case .body(let body): return .answer(status: status, body: body)
                case .tunnel: return .malformed
                }
            }
            return nil
        } catch {
            return Self.reply(to: error)
        }
    }

    private mutating func end(isBroken: Bool) -> Reply {
        do throws(ResponseError) {
            return .answer(status: status, body: try fetch.inputEnded(isBroken: isBroken))
        } catch {
            return Self.reply(to: error)
        }
    }

    private static func reply(to error: ResponseError) -> Reply {
        switch error {
        case .bodyTooLarge: .tooLarge
        case .ended, .body(.incomplete): .cut
        case .head, .body, .tooManyInformational, .unaskedSwitch, .unasked, .unaskedTimeout:
            .malformed
        }
    }

    private static func wait(_ poller: Poller, until deadline: Instant) throws(SystemError) {
        let left = (deadline - SystemClock.now()).wholeMilliseconds
        guard left > 0, poller.wait(milliseconds: Int32(clamping: left)) > 0 else {
            throw SystemError("wait", code: ETIMEDOUT)
        }
    }
}
