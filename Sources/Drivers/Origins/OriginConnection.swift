package import Clock
package import HTTP1
package import Loop
package import Settings
package import Transport
package import Upstreams

/// A connection to an upstream server, from connect to close. What HTTP/1 allows on it, and what
/// became of the request at hand, says the `HTTP1.ClientConnection` in it. What happens to it,
/// `next` answers; whoever it works for is not its business.
///
///     connecting --connected--> (securing: with TLS --its handshake is over-->) in use
///     in use --may rest--> idle --taken--> in use
///     any --closed by whoever has it--> closed
package final class OriginConnection {
    private enum Phase {
        case connecting, securing, inUse, idle, closed
    }

    /// How it is read.
    private struct Reading {
        /// What comes is an event stream: acknowledgements may wait for the next octets to be sent.
        var delaysAcknowledgements = false
        /// The last read took all that had come.
        var isOver = true
    }

    package let token: UInt64
    package private(set) var stream: Stream
    /// Nil without TLS.
    package let security: OriginSecurity?
    package let server: ServerState
    private let loop: Loop
    /// The gateway's side of HTTP/1, changed where it is: nothing of it is ever copied.
    package var http = HTTP1.ClientConnection()
    private var phase: Phase
    private var reservedFor: UInt64?
    private var reading = Reading()
    /// Nil for a connection that broke while nobody read from it: the poller would say so for ever.
    /// What came before it broke is there when it is read from again.
    private var interest: Readiness?
    private var deadline = Deadline()
    private var heldBefore = 0
    /// When it was begun.
    package let made: Instant

    package init(
        token: UInt64, stream: Stream, server: ServerState, isConnected: Bool,
        security: OriginSecurity? = nil, on loop: Loop
    ) {
        self.token = token
        self.stream = stream
        self.server = server
        self.security = security
        self.loop = loop
        made = loop.now
        // The poller says at once that it is connected, and then it is secured.
        let isReady = isConnected && security == nil
        phase = isReady ? .inUse : .connecting
        interest = isReady ? .readable : .writable
    }

    /// The poller finds it from then on.
    package func watch() throws(SystemError) {
        try loop.watch(stream.descriptor.number, token: token, interest: interest ?? .readable)
    }

    package var address: SocketAddressSettings { server.address }

    package var isConnecting: Bool { phase == .connecting }

    /// The TLS handshake is under way.
    package var isSecuring: Bool { phase == .securing }

    package var isIdle: Bool { phase == .idle }

    /// A request goes, or can go, to the server: the connection is made.
    package var isConnected: Bool { phase == .inUse || phase == .idle }

    // What is asked from other rooms is not what is stored: that is private, so that it is seen
    // here that no two look at it at once, and need not be checked each time.

    /// The token of the client that authenticated itself on it, whose alone it is from then on.
    package var owner: UInt64? { reservedFor }

    /// What its loop counts as held by it.
    package var counted: Int { heldBefore }

    /// The last read took all that had come.
    package var isReadOut: Bool { reading.isOver }

    // MARK: Phases

    /// The connection is used from now on.
    package func begin() {
        deadline.clear()
        phase = .inUse
        reading.delaysAcknowledgements = false
    }

    /// From here on it carries this client's requests only.
    package func reserve(for client: UInt64) { reservedFor = client }

    /// What comes is an event stream: acknowledgements may wait for the next octets to be sent.
    package func delayAcknowledgements() { reading.delaysAcknowledgements = true }

    /// The connection is not used until then.
    package func rest(until end: Instant) {
        phase = .idle
        setDeadline(end)
    }

    /// - Returns: false when it was closed before.
    package func close() -> Bool {
        if phase == .closed { return false }
        phase = .closed
        deadline.clear()
        heldBefore = loop.hold(0, insteadOf: heldBefore)
        loop.unwatch(stream.descriptor.number)
        stream.close()
        return true
    }

    // MARK: Readiness

    /// What has happened next, of what the poller said; nil when that was all.
    package func next(_ progress: inout OriginProgress) -> OriginEvent? {
        switch phase {
        case .closed: return nil
        case .connecting:
            guard progress.takeAll() else { return nil }
            return finishConnecting()
        case .securing:
            if progress.takeWritable(), !stream.flush() { return .notSecured(.closed) }
            return progress.takeReadable() == nil ? nil : continueSecuring()
        case .inUse, .idle: break
        }
        if progress.takeEnd() { return .ended(http.inputEnded()) }
        if progress.takeWritable() { return stream.flush() ? .drained : .refusesOctets }
        guard let isBroken = progress.takeReadable() else { return nil }
        guard let interest else { return nil }
        if interest.isReadable { return receive(&progress) }
        guard isBroken, !interest.isWritable else { return nil }
        if http.hasInputEnded { return .broken }
        self.interest = nil
        loop.unwatch(stream.descriptor.number)
        return nil
    }

    private func finishConnecting() -> OriginEvent? {
        do throws(SystemError) {
            try stream.finishConnecting()
        } catch {
            return .notConnected(error)
        }
        if let security { return secure(security) }
        phase = .inUse
        deadline.clear()
        return .connected
    }

    /// Begins the TLS handshake.
    private func secure(_ security: OriginSecurity) -> OriginEvent? {
        do throws(OriginSecurityFailure) {
            stream = try security.begin(
                on: stream, resuming: "\(security.host) \(address.text)", engine: loop.engine)
        } catch {
            return .notSecured(error)
        }
        phase = .securing
        return nil
    }

    private func continueSecuring() -> OriginEvent? {
        do throws(OriginSecurityFailure) {
            guard try OriginSecurity.proceed(stream, loop.buffer) else { return nil }
        } catch {
            return .notSecured(error)
        }
        phase = .inUse
        deadline.clear()
        return .connected
    }

    private func receive(_ progress: inout OriginProgress) -> OriginEvent? {
        if reading.delaysAcknowledgements { stream.delayAcknowledgement() }
        switch stream.receive(into: loop.buffer) {
        case .octets(let count):
            reading.isOver = count < ReadBuffer.capacity
            return count > 0 ? .octets : nil
        case .end(let count):
            if count == 0 { return .ended(http.inputEnded()) }
            progress.noteEnd()
            return .octets
        case .failed: return .broken
        }
    }

    // MARK: Timers and flow

    package func setDeadline(_ instant: Instant) {
        if deadline.set(instant) { loop.schedule(token, at: instant) }
    }

    package func clearDeadline() { deadline.clear() }

    /// The loop says that it is due: true when its deadline has come.
    package func isDue() -> Bool { loop.isDue(&deadline, of: token) }

    /// Watches for what is wanted now; asks the kernel only when that changed.
    ///
    /// - Parameter wantsInput: whoever has it takes what comes.
    package func updateInterest(wantsInput: Bool) {
        let reads = phase == .securing || wantsInput && !http.hasInputEnded
        var wanted = reads ? Readiness.readable.rawValue : 0
        switch phase {
        case .closed: return
        case .connecting: wanted = Readiness.writable.rawValue
        case .securing, .inUse, .idle:
            if stream.pendingCount > 0 { wanted |= Readiness.writable.rawValue }
        }
        // One that rests has no message that is not whole.
        let held = stream.heldCount + (phase == .idle ? 0 : http.keptCount)
        heldBefore = loop.hold(held, insteadOf: heldBefore)
        guard let interest else { return readAgain(wanted) }
        guard wanted != interest.rawValue else { return }
        let next = Readiness(rawValue: wanted)
        self.interest = next
        loop.change(stream.descriptor.number, token: token, interest: next)
    }

    /// The connection broke while nobody read from it. Where there is no memory to watch it, the
    /// next time is as good.
    private func readAgain(_ wanted: UInt8) {
        guard Readiness(rawValue: wanted).isReadable else { return }
        interest = .readable
        do throws(SystemError) { try watch() } catch { interest = nil }
    }
}
