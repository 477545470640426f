internal import CLinux
internal import Glibc
package import TLS

/// One connection: a non-blocking socket, with TLS or without, and what the kernel did not take
/// yet. Whatever is sent is taken: octets that do not fit wait here, and `pendingCount` is what the
/// owner looks at to stop reading the other side.
@safe
package final class Stream {
    package enum ReceiveResult: Sendable, Equatable {
        /// This many octets are in the read buffer; 0 when there was nothing to read.
        case octets(Int)
        /// The other side finished sending; octets may have come before it.
        case end(Int)
        case failed(StreamFailure)
    }

    package enum StreamFailure: Sendable, Equatable {
        /// Reset, broken pipe, timed out.
        case connection
        case tls(TLSFailure)
    }

    /// Octets of TLS's own that may wait for the other side to take them.
    private static let answerLimit = 16 * 1024
    /// What a look at the socket found; nothing is taken.
    package enum Peek: Sendable, Equatable {
        case quiet
        /// Octets wait; with TLS they are records, which may hold nothing for the owner.
        case octets
        /// The other side finished sending, and nothing comes before that.
        case end
        /// Reset, timed out, closed.
        case broken
    }

    private enum Sending {
        case possible, over
        /// A write was told that the connection broke. The kernel says so once: to whoever reads
        /// then, the end of what came looks like the other side's.
        case broken
    }

    package let descriptor: Descriptor
    private let tls: TLSSession?
    private let engine: TLSEngine?
    private var queue = SendQueue()
    /// As the queue says; owners ask for both at every event.
    private var waitingCount = 0
    private var queuedExtent = 0
    /// Octets that the kernel has taken.
    private var sentCount: Int64 = 0
    /// Nothing more can be sent; what came before may still be received.
    private var sending = Sending.possible
    private var cannotReceive = false
    /// Octets of TLS's own that were queued since the queue was last empty.
    private var answerCount = 0
    /// Nothing more can be said; what still comes means nothing.
    private var hasTLSFailed = false
    /// `finishSending()` was called; it takes effect when the queue is empty.
    private var isFinishing = false
    private var hasFinished = false

    /// A plain stream over a socket that is connected or connecting.
    package init(_ descriptor: Descriptor) {
        self.descriptor = descriptor
        tls = nil
        engine = nil
    }

    /// The server side of a TLS stream over an accepted socket.
    ///
    /// - Throws: `TLSError` when there is no memory for the session.
    package init(_ descriptor: Descriptor, tls context: TLSContext, engine: TLSEngine)
        throws(TLSError)
    {
        self.descriptor = descriptor
        tls = try TLSSession(context: context, engine: engine)
        self.engine = engine
    }

    /// The client side of a TLS stream over a socket that is connected; its first words are sent.
    ///
    /// - Parameter host: whom the server's certificate must be for; `key` as of `TLSSession`.
    /// - Throws: `TLSError` when there is no memory for the session, or `host` cannot be asked for.
    package init(
        _ descriptor: Descriptor, client context: TLSClientContext, host: String,
        resuming key: String? = nil, engine: TLSEngine
    ) throws(TLSError) {
        self.descriptor = descriptor
        let tls = try TLSSession(client: context, host: host, resuming: key, engine: engine)
        self.tls = tls
        self.engine = engine
        tls.start()
        takeEncrypted()
    }

    /// Starts to connect. Unless it is connected at once, the stream becomes writable when that
    /// succeeded or failed, see `finishConnecting()`.
    ///
    /// - Throws: `SystemError` when it failed at once.
    package static func connect(
        to address: SocketAddress
    ) throws(SystemError) -> (stream: Stream, isConnected: Bool) {
        let invalid = address.errorCode
        guard invalid == 0 else { throw SystemError("connect", code: invalid) }
        let number = shim_stream_socket(address.family)
        guard number >= 0 else { throw SystemError("socket") }
        let descriptor = Descriptor(number: number)
        if address.family != AF_UNIX {
            Socket.set(number, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        }
        // The address is shown for the length of the call.
        let result = unsafe address.withSystemAddress { unsafe shim_connect(number, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else { throw SystemError("connect") }
        return (Stream(descriptor), result == 0)
    }

    /// Asked once, when the connecting stream became writable.
    /// - Throws: `SystemError` when the connection was not made.
    package func finishConnecting() throws(SystemError) {
        let code = Socket.takeError(descriptor.number)
        if code != 0 { throw SystemError("connect", code: code) }
    }

    /// True when octets can be exchanged: always without TLS, after the handshake with it.
    package var isEstablished: Bool { tls?.isEstablished ?? true }

    private var cannotSend: Bool { sending != .possible }

    /// Octets that wait for the kernel to take them.
    package var pendingCount: Int { waitingCount }

    /// Octets of memory that are taken up by what waits, and by what came of a handshake or record
    /// that is not whole.
    package var heldCount: Int { queuedExtent + (tls?.heldCount ?? 0) }

    /// At least as many octets as can still come to the owner of what has been received: with TLS
    /// records are counted, which hold less. When it cannot be told, as many as there may be.
    package var unreadCount: Int {
        let count = shim_unread(descriptor.number)
        return count < 0 ? .max : Int(count) + (tls?.heldCount ?? 0)
    }

    /// Asks the other side whether it is there, in a way that its owner never hears of: a system
    /// whose program has closed the connection answers with a reset, though what it could not send
    /// yet, and the end behind that, stay unsent for as long as nobody receives them here. With TLS
    /// 1.3 a session ticket is such a question; elsewhere there is none.
    ///
    /// - Returns: false when nothing was asked.
    package func ask() -> Bool {
        guard let tls, !cannotSend, !isFinishing, !hasTLSFailed, tls.offerTicket() else {
            return false
        }
        takeEncrypted()
        return true
    }

    /// How long sent octets may stay unacknowledged before the kernel gives up (RFC 5482).
    package func setUserTimeout(milliseconds: Int32) {
        Socket.set(
            descriptor.number, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, milliseconds)
    }

    /// Octets that the other side's system has acknowledged so far; -1 when the connection is none
    /// of TCP's, which cannot be asked.
    package var acknowledgedCount: Int64 { shim_acknowledged(descriptor.number) }

    /// Octets that the other side has taken, as far as can be told: those its system has
    /// acknowledged or, where it cannot be asked, those that the kernel has taken.
    package var takenCount: Int64 {
        let acknowledged = acknowledgedCount
        return acknowledged < 0 ? sentCount : acknowledged
    }

    /// Octets that the kernel has taken and not sent yet, because the other side has no room for
    /// them, or the way there has none; -1 when it cannot be told.
    package var unsentCount: Int { Int(shim_unsent(descriptor.number)) }

    /// Octets that the kernel has taken and the other side's system has not acknowledged; -1 when
    /// that cannot be told.
    package var outstandingCount: Int { Int(shim_unacknowledged(descriptor.number)) }

    /// Lets the acknowledgement of what is received next wait for company (RFC 1122 §4.2.3.2).
    ///
    /// Linux acknowledges at once what is read from a connection on which nothing is sent, as from
    /// an upstream's event stream: a packet for every event. Linux forgets the option when an
    /// acknowledgement had to wait for nothing, so that it is set before every read.
    package func delayAcknowledgement() {
        Socket.set(descriptor.number, Int32(IPPROTO_TCP), TCP_QUICKACK, 0)
    }

    /// Shows in `buffer` what the socket has received, at most `limit` octets of it, and takes
    /// none: what comes in front of TLS, if it is used. To be followed by `skip(_:with:)`.
    package func peek(into buffer: ReadBuffer, limit: Int) -> ReceiveResult {
        receive(into: buffer, limit: limit, flags: Int32(MSG_PEEK))
    }

    /// Takes `count` octets that `peek` has shown; `buffer` is used for that.
    package func skip(_ count: Int, with buffer: ReadBuffer) {
        var left = count
        while left > 0, case .octets(let taken) = receive(into: buffer, limit: left, flags: 0),
            taken > 0
        {
            left -= taken
        }
    }

    /// Where the other side is connected to; nil when the kernel does not say.
    package var localAddress: SocketAddress? { Socket.localAddress(descriptor.number) }

    /// Reads once from the socket, decrypts, and leaves the octets in `buffer`. After TLS has
    /// failed octets are still read, so that unread ones do not turn the close into a reset before
    /// the other side has read why; there are never any for the caller then.
    package func receive(into buffer: ReadBuffer) -> ReceiveResult {
        guard !cannotReceive else { return .failed(.connection) }
        guard let tls, let engine else { return receivePlain(into: buffer) }
        var code: Int32 = 0
        // `recv` stays within the memory it is shown.
        let count = unsafe engine.receive { memory in
            let count = unsafe recv(descriptor.number, memory.baseAddress, memory.count, 0)
            code = errno
            return count
        }
        if count < 0 {
            if code == EAGAIN || code == EINTR { return .octets(0) }
            return fail()
        }
        // Without close_notify the end may be an attacker's; HTTP and WebSocket framing tell.
        if count == 0 { return sending == .broken ? fail() : .end(0) }
        return hasTLSFailed ? .octets(0) : decrypt(tls, into: buffer)
    }

    /// Looks whether anything came that was not received yet (recv(2), MSG_PEEK).
    package func peek() -> Peek {
        guard !cannotReceive else { return .broken }
        var octet: UInt8 = 0
        // One octet, on the stack, during the call only.
        let count = unsafe recv(
            descriptor.number, &octet, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        if count > 0 { return .octets }
        if count == 0 { return .end }
        return errno == EAGAIN || errno == EINTR ? .quiet : .broken
    }

    /// The first octets that wait, at most `count`, which stay where they are.
    package func peek(_ count: Int) -> [UInt8] {
        guard !cannotReceive else { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { memory, filled in
            // `recv` stays within the memory it is shown.
            filled = unsafe max(
                0,
                recv(
                    descriptor.number, memory.baseAddress, memory.count,
                    Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)))
        }
    }

    private func decrypt(_ tls: TLSSession, into buffer: ReadBuffer) -> ReceiveResult {
        var result = TLSSession.ReadResult.octets(0)
        // The buffer has the capacity that `read` asks for, and is used during the call only.
        unsafe buffer.fill { memory in
            unsafe result = tls.read(into: memory)
            switch result {
            case .octets(let count), .end(let count): return count
            case .failed: return 0
            }
        }
        guard takeAnswers() else { return fail() }
        switch result {
        case .octets(let count): return .octets(count)
        case .end(let count): return .end(count)
        case .failed(let failure):
            hasTLSFailed = true
            return .failed(.tls(failure))
        }
    }

    /// Sends `octets`, or keeps what the kernel does not take now.
    /// - Returns: false when they were not taken: the connection is broken or not yet established,
    ///   or `finishSending()` was called.
    @discardableResult
    package func send(_ octets: Span<UInt8>) -> Bool {
        guard isEstablished, !cannotSend, !isFinishing, !hasTLSFailed else { return false }
        // The pointer is used during this call only, in either branch.
        unsafe octets.withUnsafeBytes { memory in
            if let tls, let engine {
                unsafe sendEncrypted(memory, tls, engine)
            } else {
                // `memory` is used during this call only.
                unsafe transmit(memory)
            }
        }
        return !cannotSend
    }

    /// Tries again with what waits; called when the socket is writable.
    /// - Returns: false when the connection is broken.
    @discardableResult
    package func flush() -> Bool {
        guard !cannotSend else { return false }
        if waitingCount > 0 {
            // `drain` shows its own memory for the length of the call.
            unsafe queue.drain { memory in
                let taken = unsafe write(memory)
                if taken > 0 { sentCount += Int64(taken) }
                return taken
            }
            noteQueue()
            if cannotSend { stopSending() }
        }
        finishIfDrained()
        return !cannotSend
    }

    /// No more is sent after what waits: close_notify and FIN. Receiving goes on.
    package func finishSending() {
        guard !isFinishing, !cannotReceive else { return }
        isFinishing = true
        if let tls, !cannotSend, !hasTLSFailed {
            tls.close()
            takeEncrypted()
        }
        finishIfDrained()
    }

    /// Closes at once; what waits is lost. With `reset` the other side gets an RST.
    package func close(reset: Bool = false) {
        if reset, descriptor.number >= 0 {
            var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
            // The option value is the structure itself.
            unsafe setsockopt(
                descriptor.number, SOL_SOCKET, SO_LINGER, &linger,
                socklen_t(MemoryLayout<Glibc.linger>.size))
        }
        cannotReceive = true
        stopSending()
        descriptor.close()
    }

    private func receivePlain(into buffer: ReadBuffer) -> ReceiveResult {
        receive(into: buffer, limit: ReadBuffer.capacity, flags: 0)
    }

    private func receive(
        into buffer: ReadBuffer, limit: Int, flags: Int32
    ) -> ReceiveResult {
        var received = 0
        var code: Int32 = 0
        // `fill` stays within the memory it is shown.
        unsafe buffer.fill { memory in
            received = unsafe recv(
                descriptor.number, memory.baseAddress, min(limit, memory.count), flags)
            code = errno
            return received
        }
        if received > 0 { return .octets(received) }
        if received == 0 { return sending == .broken ? fail() : .end(0) }
        return code == EAGAIN || code == EINTR ? .octets(0) : fail()
    }

    private func sendEncrypted(
        _ memory: UnsafeRawBufferPointer, _ tls: TLSSession, _ engine: TLSEngine
    ) {
        var offset = 0
        while offset < memory.count {
            let end = min(memory.count, offset + TLSEngine.inputCapacity)
            // A slice of the caller's memory, used during the call only.
            let slice = unsafe UnsafeRawBufferPointer(rebasing: memory[offset..<end])
            let failure = unsafe tls.write(slice)
            // The engine is emptied after a failure, too: the next stream uses the same one.
            takeEncrypted()
            if failure != nil { return stopSending() }
            offset = end
        }
    }

    /// Sends what TLS says itself: its side of the handshake, the answer to a key update, the alert
    /// that says why it failed.
    /// - Returns: false when the other side asks for more and more and takes nothing.
    private func takeAnswers() -> Bool {
        let before = waitingCount
        takeEncrypted()
        answerCount = before == 0 ? 0 : answerCount
        if isEstablished { answerCount += waitingCount - before }
        return answerCount <= Self.answerLimit
    }

    private func takeEncrypted() {
        guard let engine, engine.outputCount > 0 else { return }
        // The engine's memory, used during the call only.
        unsafe engine.takeOutput { unsafe transmit($0) }
    }

    /// Writes directly when nothing waits; the rest is queued, in order.
    private func transmit(_ memory: UnsafeRawBufferPointer) {
        guard !cannotSend else { return }
        var sent = 0
        if waitingCount == 0 {
            // The caller's memory, used during the call only.
            sent = unsafe write(memory)
            if sent < 0 { return stopSending() }
            sentCount += Int64(sent)
        }
        if sent < memory.count {
            // The unsent rest is copied before the call returns.
            unsafe queue.append(UnsafeRawBufferPointer(rebasing: memory[sent...]))
            noteQueue()
        }
    }

    private func finishIfDrained() {
        guard isFinishing, !hasFinished, waitingCount == 0 else { return }
        hasFinished = true
        shutdown(descriptor.number, Int32(SHUT_WR))
    }

    /// What waits is for nobody any more.
    private func stopSending() {
        if sending == .possible { sending = .over }
        queue.release()
        noteQueue()
    }

    private func noteQueue() {
        waitingCount = queue.count
        queuedExtent = queue.extent
    }

    /// The connection is broken.
    private func fail() -> ReceiveResult {
        cannotReceive = true
        stopSending()
        return .failed(.connection)
    }

    /// Octets the kernel took, 0 when it takes none now, -1 when the connection is broken.
    private func write(_ memory: UnsafeRawBufferPointer) -> Int {
        if memory.count == 0 { return 0 }
        // The pointer and its length belong together.
        let sent = unsafe Glibc.send(
            descriptor.number, memory.baseAddress, memory.count, Int32(MSG_NOSIGNAL))
        if sent >= 0 { return sent }
        if errno == EAGAIN || errno == EINTR { return 0 }
        // The other side had finished sending before it was reset, and did so properly.
        sending = errno == EPIPE ? .over : .broken
        return -1
    }
}
