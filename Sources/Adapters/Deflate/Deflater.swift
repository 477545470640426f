import CZlib

/// Compresses WebSocket messages for permessage-deflate (RFC 7692 §7.2.1), each on its own: nothing
/// is remembered from one message to the next (`no_context_takeover`), so one deflater serves every
/// connection of a worker that agreed on the same window.
@safe
package final class Deflater {
    /// 1 (fast) to 9 (small).
    package let level: Int
    /// 9 to 15: no reference in the output reaches back further than 2^bits octets.
    package let windowBits: Int
    private let stream: UnsafeMutablePointer<z_stream>

    /// - Parameter memoryLevel: 1 to 9, zlib's memLevel: the size of the hash table that every
    ///   message starts by clearing, and of the blocks.
    package init(level: Int = 1, windowBits: Int = 15, memoryLevel: Int = 8) {
        precondition((1...9).contains(level), "deflate level of 1 to 9")
        precondition((9...15).contains(windowBits), "deflate window of 9 to 15 bits")
        precondition((1...9).contains(memoryLevel), "deflate memory level of 1 to 9")
        self.level = level
        self.windowBits = windowBits
        // zlib keeps a pointer to the stream, so it needs an address of its own; freed in deinit.
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // The stream is zeroed, as deflateInit2 wants it.
        let result = unsafe czlib_deflate_init_raw(
            stream, Int32(level), Int32(windowBits), Int32(memoryLevel))
        precondition(result == Z_OK, "no memory for a deflater")
    }

    deinit {
        // Reset first: deflateEnd complains of a stream that was not finished, and none ever is.
        let reset = unsafe deflateReset(stream)
        let ended = unsafe deflateEnd(stream)
        assert(reset == Z_OK && ended == Z_OK, "deflate stream ended in disorder")
        // The counterpart of `allocate` above; z_stream is trivial.
        unsafe stream.deallocate()
    }

    /// Appends the compressed form of `message` to `output`: deflate blocks up to a sync flush,
    /// without the flush's last four octets. It may be longer than the message; whoever sends it
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

    /// zlib counts input in 32 bits; a message beyond is a driver's mistake, its limit is lower.
    private func run(_ message: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]) {
        // The stream is ours alone, and reset it forgets the message before.
        let reset = unsafe deflateReset(stream)
        precondition(reset == Z_OK)
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
                    unsafe flush(into: buffer, from: &count)
                }
            }
            room = Self.moreRoom
        }
    }

    private static let flushRoom = 16
    private static let moreRoom = 4096

    /// Fills `buffer` from `count` on; true when everything is out.
    private func flush(into buffer: UnsafeMutableBufferPointer<UInt8>, from count: inout Int)
        -> Bool
    {
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
