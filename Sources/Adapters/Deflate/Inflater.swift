import CZlib

/// Reads messages compressed by permessage-deflate (RFC 7692 §7.2.2).
///
/// Without context (`client_no_context_takeover`) every message stands for itself, and one inflater
/// with a window of 15 bits serves all connections of a worker. With context it belongs to one
/// connection, whose messages refer to the ones before. After an error such an inflater is dead,
/// its window being no longer the sender's: every later message is corrupt, the connection ends.
///
/// It takes no memory of zlib's before the first message.
@safe
package final class Inflater {
    /// 8 to 15: references that reach back further than 2^bits octets may be corrupt.
    package let windowBits: Int
    /// True when messages refer to the ones before.
    package let keepsContext: Bool
    // zlib keeps a pointer to the stream, so it needs an address of its own. Ours alone, from the
    // first message on.
    private var stream: UnsafeMutablePointer<z_stream>?
    private var isDead = false

    package init(windowBits: Int = 15, keepsContext: Bool = false) {
        Self.check(windowBits)
        self.windowBits = windowBits
        self.keepsContext = keepsContext
    }

    deinit { close() }

    /// The most octets an inflater takes from its first message on: the window, for which zlib
    /// waits until something comes out, and 8 KiB for its tables and our objects.
    package static func memorySize(windowBits: Int) -> Int {
        check(windowBits)
        return 1 << max(windowBits, leastBits) + 8192
    }

    private static func check(_ windowBits: Int) {
        precondition((8...15).contains(windowBits), "inflate window of 8 to 15 bits")
    }

    /// zlib, asked to deflate with 8 bits, once used 9 without saying so.
    private static let leastBits = 9

    /// Appends what the payload of a compressed message inflates to.
    ///
    /// Blocks with BFINAL set end nothing (RFC 7692 §7.2.3.4): what follows, at the next octet, is
    /// inflated too, and may refer to what came before. When it throws, `output` holds what was
    /// there before and at most one octet more than the limit.
    ///
    /// `output` grows in steps that end at the limit: never to more than what was there, the limit
    /// and one octet, and half as much again while it moves. Nothing here shrinks it: a caller that
    /// reuses it gives a big one back when it is done (`removeAll(keepingCapacity: false)`).
    ///
    /// Time grows with the message and with what comes out. The dearest input, blocks that hold
    /// nothing but new tables, takes some 0.2 µs an octet, text 0.01: a limit on messages
    /// as they arrive is the limit on that.
    ///
    /// - Parameter limit: the most octets to append.
    /// - Parameter ratio: may set a lower limit; nil for none but `limit`.
    package func inflate(
        message: Span<UInt8>, into output: inout [UInt8], limit: Int,
        ratio: InflateRatio? = nil
    ) throws(InflateError) {
        precondition(limit >= 0, "a limit of less than nothing")
        guard !isDead else { throw .corrupt }
        // Not in RFC 7692, but what a sender gets from zlib that flushes twice, and unmistakable.
        guard message.count > 0 else { return }
        let limit = min(limit, ratio?.limit(for: message.count) ?? limit)
        do throws(InflateError) {
            var room = Room(limit: limit, behind: output.count)
            try inflate(message, into: &output, &room)
        } catch {
            if keepsContext {
                isDead = true
                close()
            }
            throw error
        }
    }

    /// What may still be appended.
    private struct Room {
        var left: Int
        /// The most octets that the array may come to hold, with the one too many.
        let bound: Int

        init(limit: Int, behind count: Int) {
            left = limit
            let (bound, overflow) = limit.addingReportingOverflow(count + 1)
            self.bound = overflow ? .max : bound
        }

        /// Makes room for `count` octets more: the bound, halved as often as that will do.
        func grow(_ output: inout [UInt8], by count: Int) {
            let needed = output.count + count
            guard output.capacity < needed else { return }
            var capacity = bound
            while capacity / 2 >= needed { capacity /= 2 }
            output.reserveCapacity(capacity)
        }
    }

    private func inflate(
        _ message: Span<UInt8>, into output: inout [UInt8], _ room: inout Room
    ) throws(InflateError) {
        // Nothing but `close` frees the stream, and nobody calls that before this ends.
        let stream = unsafe opened()
        if try unsafe feed(stream, message, into: &output, &room) { return }
        // What the sender took off (§7.2.1); its stream is the same, still open.
        let tail: InlineArray<4, UInt8> = [0, 0, 0xFF, 0xFF]
        if try unsafe feed(stream, tail.span, into: &output, &room) { return }
        // Between two blocks (bit 7 of data_type) without a bit left over. Elsewhere it was cut.
        let isBetweenBlocks = unsafe stream.pointee.data_type == 128
        guard isBetweenBlocks else { throw .corrupt }
    }

    /// The stream as the next message needs it: with the window there is, or with none.
    private func opened() -> UnsafeMutablePointer<z_stream> {
        // The stream is ours alone; reset, it forgets the messages before and keeps its memory.
        if let stream = unsafe stream {
            if !keepsContext {
                let reset = unsafe inflateReset(stream)
                precondition(reset == Z_OK)
            }
            // Opened and in order.
            return unsafe stream
        }
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        // Zeroed, as inflateInit2 wants it.
        unsafe stream.initialize(to: z_stream())
        let result = unsafe czlib_inflate_init_raw(stream, Int32(max(windowBits, Self.leastBits)))
        precondition(result == Z_OK, "no memory for an inflater")
        // Freed in `close`.
        unsafe self.stream = stream
        return unsafe stream
    }

    private func close() {
        // Initialised in `opened` and used by nobody else.
        guard let stream = unsafe stream else { return }
        unsafe self.stream = nil
        let ended = unsafe inflateEnd(stream)
        assert(ended == Z_OK, "inflate stream ended in disorder")
        // The counterpart of `allocate` in `opened`; z_stream is trivial.
        unsafe stream.deallocate()
    }

    /// Inflates `input` as the next part of the stream; true when it ends with a final block, so
    /// that nothing is missing behind it.
    private func feed(
        _ stream: UnsafeMutablePointer<z_stream>, _ input: Span<UInt8>,
        into output: inout [UInt8], _ room: inout Room
    ) throws(InflateError) -> Bool {
        // Nothing of the pointer outlives the closure: next_in is used only by the calls in it.
        try unsafe input.withUnsafeBufferPointer { octets throws(InflateError) in
            // zlib does not write through next_in; the field is just not const.
            unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: octets.baseAddress)
            unsafe stream.pointee.avail_in = UInt32(octets.count)
            return try unsafe run(stream, into: &output, &room)
        }
    }

    private func run(
        _ stream: UnsafeMutablePointer<z_stream>, into output: inout [UInt8], _ room: inout Room
    ) throws(InflateError) -> Bool {
        while true {
            // One octet more than may come, so that too much is told from just enough.
            let step = min(room.left, Self.step - 1) + 1
            room.grow(&output, by: step)
            let (result, written) = unsafe append(step, of: stream, to: &output)
            room.left -= written
            guard room.left >= 0 else { throw .tooBig }
            switch result {
            case Z_STREAM_END:
                // The stream stands behind the final block, at an octet boundary. The window stays:
                // BFINAL ends the blocks of RFC 1951, not what RFC 7692 lets them refer to.
                let inputLeft = unsafe stream.pointee.avail_in
                let reset = unsafe inflateResetKeep(stream)
                precondition(reset == Z_OK)
                if inputLeft == 0 { return true }
            // The step is filled: zlib may have more to give, also without input.
            case Z_OK where written == step: continue
            case Z_OK, Z_BUF_ERROR: return false
            default:
                precondition(result != Z_MEM_ERROR, "no memory for a window")
                throw .corrupt
            }
        }
    }

    /// What one round may write; a bomb is noticed at most so much later.
    private static let step = 16 * 1024

    private func append(
        _ step: Int, of stream: UnsafeMutablePointer<z_stream>, to output: inout [UInt8]
    ) -> (result: Int32, written: Int) {
        var result = Z_OK
        let before = output.count
        output.append(addingCapacity: step) { free in
            // Only memory of `free` that is not yet initialised is handed to zlib.
            unsafe free.withUnsafeMutableBufferPointer { buffer, count in
                // `append` promises `step` octets from `count` on.
                unsafe stream.pointee.next_out = buffer.baseAddress.map { unsafe $0 + count }
                unsafe stream.pointee.avail_out = UInt32(step)
                unsafe result = CZlib.inflate(stream, Z_SYNC_FLUSH)
                // zlib counted avail_out down by what it wrote.
                unsafe count += step - Int(stream.pointee.avail_out)
            }
        }
        return (result, output.count - before)
    }
}
