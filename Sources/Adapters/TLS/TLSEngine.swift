internal import COpenSSL

/// What all TLS sessions of one worker share: the buffers between the sockets and OpenSSL.
///
/// A session reads and writes only memory: the transport fills `input` from a socket, the session
/// decrypts all of it at once; what the session encrypts gathers in `output` until the transport
/// hands it to the kernel in one call. Between two calls both are empty, so an idle session has no
/// buffer at all.
@safe
package final class TLSEngine {
    /// Where the BIO callbacks find the buffers; plain memory, so that C can point to it.
    @unsafe
    struct Wire {
        var input: UnsafePointer<UInt8>
        var inputCount: Int
        var inputOffset: Int
        var output: UnsafeMutablePointer<UInt8>
        var outputCount: Int
        var outputCapacity: Int
    }

    /// Octets read from a socket at once.
    package static let inputCapacity = 64 * 1024
    /// Plaintext that can come of them: less than they are, but for a record (RFC 8446 §5.1: 2^14
    /// octets of plaintext at most) that lacked no more than its last octet.
    package static let plaintextCapacity = inputCapacity + 16 * 1024
    /// Room for an encrypted read buffer or a handshake flight with a long certificate chain.
    private static let outputCapacity = 160 * 1024

    // Owned: allocated in `init`, freed in `deinit`, never handed out beyond a call.
    let wire: UnsafeMutablePointer<Wire>
    private let inputMemory: UnsafeMutablePointer<UInt8>
    private let outputMemory: UnsafeMutablePointer<UInt8>

    package init() {
        // Freed in `deinit`.
        unsafe inputMemory = .allocate(capacity: Self.inputCapacity)
        unsafe outputMemory = .allocate(capacity: Self.outputCapacity)
        unsafe wire = .allocate(capacity: 1)
        // The allocation of the line above.
        unsafe wire.initialize(
            to: Wire(
                input: UnsafePointer(inputMemory), inputCount: 0, inputOffset: 0,
                output: outputMemory, outputCount: 0, outputCapacity: Self.outputCapacity))
    }

    deinit {
        // The three allocations of `init`; sessions hold this object, so none is in use.
        unsafe wire.deallocate()
        unsafe inputMemory.deallocate()
        unsafe outputMemory.deallocate()
    }

    /// Lets `fill` write received octets; it answers how many, or -1. They are for the session that
    /// reads next, which uses them up.
    package func receive(_ fill: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        // The memory is ours and as long as we say; the closure only fills it.
        let memory = unsafe UnsafeMutableRawBufferPointer(
            start: inputMemory, count: Self.inputCapacity)
        let count = unsafe fill(memory)
        // Single-threaded: no session runs during this call.
        unsafe wire.pointee.inputCount = max(0, count)
        unsafe wire.pointee.inputOffset = 0
        return count
    }

    /// Received octets that no session has used up.
    var inputCount: Int {
        // Plain loads from our own allocation.
        unsafe wire.pointee.inputCount - wire.pointee.inputOffset
    }

    /// Drops what a session that ended did not read, so that the next session cannot read it.
    func discardInput() {
        // Plain stores into our own allocation.
        unsafe wire.pointee.inputOffset = 0
        unsafe wire.pointee.inputCount = 0
    }

    /// Octets encrypted and not yet taken.
    package var outputCount: Int {
        // A plain load from our own allocation.
        unsafe wire.pointee.outputCount
    }

    /// Hands everything encrypted so far to `consume` and empties the buffer.
    package func takeOutput(_ consume: (UnsafeRawBufferPointer) -> Void) {
        // The first `outputCount` octets were written by `write` below.
        let octets = unsafe UnsafeRawBufferPointer(
            start: outputMemory, count: wire.pointee.outputCount)
        unsafe consume(octets)
        // Our own allocation again.
        unsafe wire.pointee.outputCount = 0
    }

    /// The BIO that joins OpenSSL to `wire`; made once a process.
    static let method: BIOMethod = BIOMethod()
}

/// The table of callbacks OpenSSL calls for our BIO.
@safe
struct BIOMethod: Sendable {
    // Never changed after `init` and never freed: it lives as long as the process.
    nonisolated(unsafe) let pointer: OpaquePointer

    init() {
        // Creating the method table fails only without memory.
        guard let method = unsafe BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire")
        else { preconditionFailure("out of memory") }
        // The callbacks below have the signatures of BIO_meth_set_*.
        unsafe BIO_meth_set_read(method, BIOMethod.read)
        unsafe BIO_meth_set_write(method, BIOMethod.write)
        unsafe BIO_meth_set_ctrl(method, BIOMethod.control)
        // Ours for good.
        unsafe pointer = method
    }

    private static let read:
        @convention(c) (OpaquePointer?, UnsafeMutablePointer<CChar>?, Int32) -> Int32 = {
            bio, target, capacity in
            // The BIO of the session that is reading.
            unsafe shim_bio_clear_retry(bio)
            // The data pointer was set to the engine's `wire`, which outlives the session.
            guard let data = unsafe BIO_get_data(bio), let target = unsafe target else { return -1 }
            let wire = unsafe data.assumingMemoryBound(to: TLSEngine.Wire.self)
            let left = unsafe wire.pointee.inputCount - wire.pointee.inputOffset
            // Not an error: the session is asked again when more was received.
            if left == 0 {
                unsafe shim_bio_set_retry_read(bio)
                return -1
            }
            let count = min(left, Int(capacity))
            // `count` is within both the received octets and OpenSSL's buffer.
            unsafe UnsafeMutableRawPointer(target).copyMemory(
                from: wire.pointee.input + wire.pointee.inputOffset, byteCount: count)
            unsafe wire.pointee.inputOffset += count
            return Int32(count)
        }

    private static let write:
        @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, Int32) -> Int32 = {
            bio, source, count in
            // The BIO of the session that is writing.
            unsafe shim_bio_clear_retry(bio)
            // The BIO's data is the wire of the session that is writing.
            guard let data = unsafe BIO_get_data(bio), let source = unsafe source else { return -1 }
            let wire = unsafe data.assumingMemoryBound(to: TLSEngine.Wire.self)
            let room = unsafe wire.pointee.outputCapacity - wire.pointee.outputCount
            let taken = min(room, Int(count))
            // The buffer holds whatever one call can write, see `TLSSession`.
            if taken == 0 {
                unsafe shim_bio_set_retry_write(bio)
                return -1
            }
            // `taken` is within both OpenSSL's record and the room left.
            unsafe UnsafeMutableRawPointer(wire.pointee.output + wire.pointee.outputCount)
                .copyMemory(from: source, byteCount: taken)
            unsafe wire.pointee.outputCount += taken
            return Int32(taken)
        }

    private static let control:
        @convention(c) (OpaquePointer?, Int32, Int, UnsafeMutableRawPointer?) -> Int = {
            _, command, _, _ in
            // Flushing is done by the transport; OpenSSL must be told that it worked.
            command == BIO_CTRL_FLUSH || command == BIO_CTRL_PUSH || command == BIO_CTRL_POP ? 1 : 0
        }
}
