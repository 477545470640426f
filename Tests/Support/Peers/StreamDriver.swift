import Clock
import Glibc
package import TLS
package import Transport

/// Drives one stream until a test has seen what it waits for, as a worker drives many.
package final class StreamDriver {
    package struct TookTooLong: Error {}

    package let stream: Stream
    package private(set) var received: [UInt8] = []
    /// Octets of every single receive.
    package private(set) var portions: [Int] = []
    /// How receiving ended, once it has.
    package private(set) var ending: Stream.ReceiveResult?
    package private(set) var isBroken = false
    /// What comes is left in the kernel while this is false.
    package var isReading = true
    /// What came is sent back.
    package var isEchoing = false

    private let poller: Poller
    private let buffer = ReadBuffer()
    private var interest: Readiness

    package init(_ stream: Stream) throws {
        self.stream = stream
        poller = try Poller()
        interest = .readable
        try poller.add(stream.descriptor.number, token: 1, interest: interest)
    }

    /// Leaves the kernel room for little more than what it must take.
    package func setSmallSendBuffer() {
        var size: Int32 = 1
        // The option value is an int of four octets.
        _ = unsafe setsockopt(stream.descriptor.number, SOL_SOCKET, SO_SNDBUF, &size, 4)
    }

    @discardableResult
    package func send(_ octets: [UInt8]) -> Bool { stream.send(octets.span) }

    @discardableResult
    package func send(_ text: String) -> Bool { stream.send(text.utf8.span) }

    /// Compares without showing the difference, which takes hours for megabytes.
    package func hasReceived(_ octets: [UInt8]) -> Bool { received == octets }

    package var text: String { String(decoding: received, as: UTF8.self) }

    /// - Throws: `TookTooLong` when the condition is not met in time.
    package func run(
        seconds: Int = 20, until isDone: (StreamDriver) throws -> Bool
    ) throws {
        let deadline = SystemClock.now() + .seconds(seconds)
        while try !isDone(self) {
            guard SystemClock.now() < deadline else { throw TookTooLong() }
            // Short, because the condition may depend on another process.
            turn(milliseconds: 20)
        }
    }

    /// Drives both until the condition holds.
    package static func run(
        _ one: StreamDriver, _ other: StreamDriver, until isDone: () -> Bool
    ) throws {
        let deadline = SystemClock.now() + .seconds(20)
        while !isDone() {
            guard SystemClock.now() < deadline else { throw TookTooLong() }
            one.turn(milliseconds: 1)
            other.turn(milliseconds: 1)
        }
    }

    private func turn(milliseconds: Int32) {
        updateInterest()
        for index in 0..<poller.wait(milliseconds: milliseconds) {
            ready(poller.event(index).readiness)
        }
    }

    private func ready(_ readiness: Readiness) {
        if readiness.isWritable, !stream.flush() { isBroken = true }
        if readiness.isReadable || readiness.isBroken, isReading, ending == nil { receive() }
    }

    private func receive() {
        let result = stream.receive(into: buffer)
        switch result {
        case .octets(let count): take(count)
        case .end(let count):
            take(count)
            ending = result
        case .failed: ending = result
        }
    }

    private func take(_ count: Int) {
        if count == 0 { return }
        let buffer = buffer
        // Copied during the call.
        unsafe buffer.octets.withUnsafeBytes { unsafe received.append(contentsOf: $0) }
        portions.append(count)
        if isEchoing { stream.send(buffer.octets) }
    }

    private func updateInterest() {
        var wanted: Readiness = []
        if isReading, ending == nil { wanted.insert(.readable) }
        if stream.pendingCount > 0, !isBroken { wanted.insert(.writable) }
        if wanted == interest { return }
        interest = wanted
        poller.change(stream.descriptor.number, token: 1, interest: wanted)
    }
}

extension Listener {
    package struct NobodyCame: Error {}

    /// A listener on a free port of 127.0.0.1.
    package static func loopback() throws -> Listener {
        try Listener(.ip4(octets: [127, 0, 0, 1], port: 0))
    }

    /// Waits for the next connection.
    package func next(seconds: Int = 20) throws -> Descriptor {
        let poller = try Poller()
        try poller.add(descriptor.number, token: 1, interest: .readable)
        let deadline = SystemClock.now() + .seconds(seconds)
        while SystemClock.now() < deadline {
            _ = poller.wait(milliseconds: 100)
            if case .accepted(let descriptor, _) = accept() { return descriptor }
        }
        throw NobodyCame()
    }

    /// A connected pair of plain streams: the accepted one first.
    package func pair() throws -> (accepted: Stream, connected: Stream) {
        let connected = try Stream.connect(to: address).stream
        return (Stream(try next()), connected)
    }

    /// As `pair()`, the accepted one with TLS on our side.
    package func pair(
        tls context: TLSContext
    ) throws -> (accepted: Stream, connected: Stream) {
        let connected = try Stream.connect(to: address).stream
        return (try Stream(next(), tls: context, engine: TLSEngine()), connected)
    }
}
