import CZlib

/// Compresses WebSocket messages for permessage-deflate (RFC 7692 §7.2.1).
///
/// Without context (`server_no_context_takeover`) every message stands for itself, and one deflater
/// serves every connection of a worker that agreed on the same window. With context it belongs to
/// one connection and its messages refer to the ones before: then everything it makes must be sent,
/// in order, or `forgetContext()` be called before the next message.
///
/// It takes no memory of zlib's before the first message.
@safe
package final class Deflater {
    /// 1 (fast) to 9 (small).
    package let level: Int
    /// 9 to 15: no reference in the output reaches back further than 2^bits octets.
    package let windowBits: Int
    /// 1 to 9: the size of the hash table that forgetting starts by clearing, and of the blocks.
    package let memoryLevel: Int
    /// True when messages refer to the ones before.
    package let keepsContext: Bool
    // zlib keeps a pointer to the stream, so it needs an address of its own. Ours alone, from the
    // first message until `releaseMemory()`.
    private var stream: UnsafeMutablePointer<z_stream>?
    /// True when the window holds what the reader must not be expected to know.
    private var isStale = false

    package init(
        level: Int = 1, windowBits: Int = 15, memoryLevel: Int = 8, keepsContext: Bool = false
    ) {
        precondition((1...9).contains(level), "deflate level of 1 to 9")
        Self.check(windowBits, memoryLevel)
        self.level = level
        self.windowBits = windowBits
        self.memoryLevel = memoryLevel
        self.keepsContext = keepsContext
    }

    deinit { releaseMemory() }

    /// The most octets a deflater takes from its first message on.
    ///
    /// What zconf.h says (window and links, hash table and symbols), an octet more a symbol for
    /// later versions, 8 KiB for zlib's small objects and ours, and a page for each of the two
    /// allocations that malloc then gets from the system.
    package static func memorySize(windowBits: Int, memoryLevel: Int) -> Int {
        check(windowBits, memoryLevel)
        let pages = memoryLevel == 9 ? 2 * 4096 : 0
        return 1 << (windowBits + 2) + 1 << (memoryLevel + 9) + 1 << (memoryLevel + 6) + 8192
            + pages
    }

    private static func check(_ windowBits: Int, _ memoryLevel: Int) {
        precondition((9...15).contains(windowBits), "deflate window of 9 to 15 bits")
        precondition((1...9).contains(memoryLevel), "deflate memory level of 1 to 9")
    }

    /// The next message refers to nothing before it. Costs nothing now; the reader need not be told
    /// and may keep its window. Called when something that was deflated with context is not sent.
    package func forgetContext() { isStale = true }

    /// As `forgetContext()`, and gives all memory of zlib's back; the next message takes it anew.
    package func releaseMemory() {
        // Initialised in `opened` and used by nobody else.
        guard let stream = unsafe stream else { return }
        unsafe self.stream = nil
        // Data error says that the stream was not finished, and none ever is.
        let ended = unsafe deflateEnd(stream)
        assert(ended == Z_OK || ended == Z_DATA_ERROR, "deflate stream ended in disorder")
        // The counterpart of `allocate` in `opened`; z_stream is trivial.
        unsafe stream.deallocate()
    }

    /// Appends the compressed form of `message` to `output`: deflate blocks up to a sync flush,
    /// without the flush's last four octets. The result may be longer than the message: the sender
    /// compares.
    package func deflate(message: Span<UInt8>, into output: inout [UInt8]) {
        guard message.count > 0 else {
            output.append(Self.emptyMessage)
            return
        }
        let start = output.count
        // The pointer is used only inside the closure, and zlib only reads from it.
        unsafe message.withUnsafeBufferPointer { octets in
            unsafe run(octets, into: &output)
        }
        // Every sync flush ends with an empty stored block, 00 00 FF FF (RFC 7692 §7.2.1).
        assert(output.count >= start + 4 && output.suffix(4) == [0, 0, 0xFF, 0xFF])
        output.removeLast(4)
    }

    /// RFC 7692 §7.2.3.6.
    private static let emptyMessage: UInt8 = 0

    /// The stream as the next message needs it: with the context there is, or with none.
    private func opened() -> UnsafeMutablePointer<z_stream> {
        // The stream is ours alone; reset, it forgets the messages before and keeps its memory.
        if let stream = unsafe stream {
            if isStale || !keepsContext {
                let reset = unsafe deflateReset(stream)
                precondition(reset == Z_OK)
                isStale = false
            }
            // Opened and in order.
            return unsafe stream
        }
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        // Zeroed, as deflateInit2 wants it.
        unsafe stream.initialize(to: z_stream())
        let result = unsafe czlib_deflate_init_raw(
            stream, Int32(level), Int32(windowBits), Int32(memoryLevel))
        precondition(result == Z_OK, "no memory for a deflater")
        isStale = false
        // Freed in `releaseMemory`.
        unsafe self.stream = stream
        return unsafe stream
    }

    /// zlib counts input in 32 bits; a message beyond is a driver's mistake, its limit is lower.
    private func run(_ message: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]) {
        let stream = unsafe opened()
        // zlib does not write through next_in; the field is just not const.
        unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: message.baseAddress)
        unsafe stream.pointee.avail_in = UInt32(message.count)
        // deflateBound reads the stream's parameters only. The flush adds at most 6 octets; with
        // room to spare zlib never has to repeat it.
        var room = unsafe Int(deflateBound(stream, UInt(message.count))) + Self.flushRoom
        var isFlushed = false
        while !isFlushed {
            output.append(addingCapacity: room) { free in
                // Only memory of `free` that is not yet initialised is handed to zlib.
                isFlushed = unsafe free.withUnsafeMutableBufferPointer { buffer, count in
                    unsafe Self.flush(stream, into: buffer, from: &count)
                }
            }
            room = Self.moreRoom
        }
    }

    private static let flushRoom = 16
    private static let moreRoom = 4096

    /// Fills `buffer` from `count` on; true when everything is out.
    private static func flush(
        _ stream: UnsafeMutablePointer<z_stream>, into buffer: UnsafeMutableBufferPointer<UInt8>,
        from count: inout Int
    ) -> Bool {
        let room = buffer.count - count
        // `count` is within the buffer, so is all that zlib may write.
        unsafe stream.pointee.next_out = buffer.baseAddress.map { unsafe $0 + count }
        unsafe stream.pointee.avail_out = UInt32(room)
        let result = unsafe CZlib.deflate(stream, Z_SYNC_FLUSH)
        precondition(result == Z_OK || result == Z_BUF_ERROR, "deflate stream in disorder")
        // zlib counted avail_out down by what it wrote.
        let left = unsafe Int(stream.pointee.avail_out)
        count += room - left
        return left > 0
    }
}
