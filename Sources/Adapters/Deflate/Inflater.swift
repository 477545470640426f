import CZlib

/// Reads messages compressed by permessage-deflate (RFC 7692 §7.2.2), each on its own: for
/// connections that agreed on `no_context_takeover`, whatever their window. One a worker.
@safe
package final class Inflater {
    private let stream: UnsafeMutablePointer<z_stream>

    package init() {
        // zlib keeps a pointer to the stream, so it needs an address of its own; freed in deinit.
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // The stream is zeroed, as inflateInit2 wants it. A window of 15 bits reads any smaller.
        let result = unsafe czlib_inflate_init_raw(stream, 15)
        precondition(result == Z_OK, "no memory for an inflater")
    }

    deinit {
        // The stream was initialised in init and is used by nobody else.
        let ended = unsafe inflateEnd(stream)
        assert(ended == Z_OK, "inflate stream ended in disorder")
        // The counterpart of `allocate` above; z_stream is trivial.
        unsafe stream.deallocate()
    }

    /// Appends what the payload of a compressed message inflates to.
    ///
    /// Blocks with BFINAL set end nothing: what follows, at the next octet, is inflated too, with
    /// an empty window. When it throws, `output` holds what was there before and at most one octet
    /// more than the limit.
    ///
    /// - Parameter limit: the most octets to append; a low ratio may set a lower one.
    package func inflate(
        message: Span<UInt8>, into output: inout [UInt8], limit: Int,
        ratio: InflateRatio = InflateRatio()
    ) throws(InflateError) {
        // Not in RFC 7692, but what a sender gets from zlib that flushes twice, and unmistakable.
        guard message.count > 0 else { return }
        var left = min(limit, ratio.limit(for: message.count))
        // The stream is ours alone, and reset it forgets the message before.
        let reset = unsafe inflateReset(stream)
        precondition(reset == Z_OK)
        if try feed(message, into: &output, left: &left) { return }
        let tail: InlineArray<4, UInt8> = [0, 0, 0xFF, 0xFF]
        if try feed(tail.span, into: &output, left: &left) { return }
        // Bit 7 of data_type: between two blocks. Elsewhere the message was cut.
        let isBetweenBlocks = unsafe stream.pointee.data_type & 128 != 0
        guard isBetweenBlocks else { throw .corrupt }
    }

    /// Inflates `input` as the next part of the stream; true when it ends with a final block, so
    /// that nothing is missing behind it.
    private func feed(
        _ input: Span<UInt8>, into output: inout [UInt8], left: inout Int
    ) throws(InflateError) -> Bool {
        // Nothing of the pointer outlives the closure: next_in is used only by the calls in it.
        try unsafe input.withUnsafeBufferPointer { octets throws(InflateError) in
            // zlib does not write through next_in; the field is just not const.
            unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: octets.baseAddress)
            unsafe stream.pointee.avail_in = UInt32(octets.count)
            return try run(into: &output, left: &left)
        }
    }

    private func run(into output: inout [UInt8], left: inout Int) throws(InflateError) -> Bool {
        while true {
            // One octet more than may come, so that too much is told from just enough.
            let room = min(left, Self.room - 1) + 1
            let (result, written) = append(room, to: &output)
            left -= written
            guard left >= 0 else { throw .tooBig }
            switch result {
            case Z_STREAM_END:
                // The stream stands behind the final block, at an octet boundary.
                let inputLeft = unsafe stream.pointee.avail_in
                let reset = unsafe inflateReset(stream)
                precondition(reset == Z_OK)
                if inputLeft == 0 { return true }
            // The room is filled: zlib may have more to give, also without input.
            case Z_OK where written == room: continue
            case Z_OK, Z_BUF_ERROR: return false
            default: throw .corrupt
            }
        }
    }

    /// What one round may write; a bomb is noticed at most so much later.
    private static let room = 16 * 1024

    private func append(_ room: Int, to output: inout [UInt8]) -> (result: Int32, written: Int) {
        var result = Z_OK
        let before = output.count
        output.append(addingCapacity: room) { free in
            // Only memory of `free` that is not yet initialised is handed to zlib.
            unsafe free.withUnsafeMutableBufferPointer { buffer, count in
                // `append` promises `room` octets from `count` on.
                unsafe stream.pointee.next_out = buffer.baseAddress.map { unsafe $0 + count }
                unsafe stream.pointee.avail_out = UInt32(room)
                unsafe result = CZlib.inflate(stream, Z_SYNC_FLUSH)
                // zlib counted avail_out down by what it wrote.
                unsafe count += room - Int(stream.pointee.avail_out)
            }
        }
        return (result, output.count - before)
    }
}
