import Clock
import Loop
import Origins
import Transport
import Upstreams

/// One check of one server under way: a connection of its own, made for it and closed behind it.
/// Lives on the thread of the checks, whose loop watches its socket under `token`.
///
/// Every event answers the verdict, once.
final class Probe {
    private enum State {
        case connecting
        /// The TLS handshake is under way.
        case securing
        case talking
        case over
    }

    let token: UInt64
    let server: ServerState
    /// When it has failed unless it is over.
    let deadline: Instant
    private let loop: Loop
    private var stream: Stream
    private let security: OriginSecurity?
    private var state = State.connecting
    private var conversation: ProbeConversation

    /// - Parameter security: how the server is spoken to; nil without TLS.
    /// - Throws: `SystemError` when a connection cannot even be tried.
    init(
        token: UInt64, server: ServerState, at address: SocketAddress,
        _ security: OriginSecurity?, _ conversation: consuming ProbeConversation,
        deadline: Instant, on loop: Loop
    ) throws(SystemError) {
        self.token = token
        self.server = server
        self.deadline = deadline
        self.loop = loop
        self.security = security
        self.conversation = conversation
        stream = try Stream.connect(to: address).stream
        // A connection that is there already becomes writable, too.
        do throws(SystemError) {
            try loop.watch(stream.descriptor.number, token: token, interest: .writable)
        } catch {
            stream.close()
            state = .over
            throw error
        }
        loop.schedule(token, at: deadline)
    }

    deinit { close() }

    /// Gives the socket back; whatever comes is of no interest any more.
    func close() {
        if case .over = state { return }
        state = .over
        loop.unwatch(stream.descriptor.number)
        stream.close()
    }

    func ready(_ readiness: Readiness) -> ProbeConversation.Verdict? {
        switch state {
        case .over: return nil
        case .connecting: return finishConnecting()
        case .securing, .talking: break
        }
        if readiness.isWritable, !stream.flush() { return broke() }
        if readiness.isReadable || readiness.isBroken {
            if let verdict = receive() { return verdict }
        }
        watch()
        return nil
    }

    /// Nil while there is time.
    func timePassed() -> ProbeConversation.Verdict? {
        guard loop.now >= deadline else {
            loop.schedule(token, at: deadline)
            return nil
        }
        switch state {
        case .over: return nil
        case .connecting: return .failed(.timeout(.connect))
        case .securing: return .failed(.insecure(OriginSecurityFailure.timedOut.reason))
        case .talking: return conversation.outOfTime
        }
    }

    private func finishConnecting() -> ProbeConversation.Verdict? {
        do throws(SystemError) {
            try stream.finishConnecting()
        } catch {
            return .failed(.unreachable(error.reason))
        }
        guard let security else { return begin() }
        do throws(OriginSecurityFailure) {
            stream = try security.begin(on: stream, engine: loop.engine)
        } catch {
            return .failed(.insecure(error.reason))
        }
        state = .securing
        watch()
        return nil
    }

    private func begin() -> ProbeConversation.Verdict? {
        state = .talking
        let isTaken = send()
        if let verdict = conversation.connected(isTaken: isTaken) { return verdict }
        watch()
        return nil
    }

    private func receive() -> ProbeConversation.Verdict? {
        if case .securing = state { return secure() }
        switch stream.receive(into: loop.buffer) {
        case .octets(let count): return count > 0 ? take() : nil
        case .end(let count):
            if count > 0, let verdict = take() { return verdict }
            return conversation.inputEnded(isBroken: false)
        case .failed: return conversation.inputEnded(isBroken: true)
        }
    }

    private func secure() -> ProbeConversation.Verdict? {
        do throws(OriginSecurityFailure) {
            return try OriginSecurity.proceed(stream, loop.buffer) ? begin() : nil
        } catch {
            return .failed(.insecure(error.reason))
        }
    }

    private func broke() -> ProbeConversation.Verdict? {
        if case .talking = state { return conversation.inputEnded(isBroken: true) }
        return .failed(.insecure(OriginSecurityFailure.closed.reason))
    }

    private func take() -> ProbeConversation.Verdict? {
        let buffer = loop.buffer
        let verdict = conversation.received(buffer.octets)
        if verdict == nil { _ = send() }
        return verdict
    }

    private func send() -> Bool {
        let octets = conversation.output
        if octets.isEmpty { return true }
        conversation.output = []
        return stream.send(octets.span)
    }

    private func watch() {
        loop.change(
            stream.descriptor.number, token: token,
            interest: stream.pendingCount > 0 ? [.readable, .writable] : .readable)
    }
}
