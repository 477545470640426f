import CZlib
import Glibc

/// zlib itself, as another program at the other end would use it.
@safe
final class RawDeflater {
    private let stream: UnsafeMutablePointer<z_stream>

    init(level: Int = 6, windowBits: Int = 15, memoryLevel: Int = 8) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let result = unsafe czlib_deflate_init_raw(
            stream, Int32(level), Int32(windowBits), Int32(memoryLevel))
        precondition(result == Z_OK)
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// All that `octets` give when they are followed by a flush of this kind.
    func octets(of octets: [UInt8], flush: Int32) -> [UInt8] {
        var input = octets
        // With room for what came before without a flush.
        var output = [UInt8](repeating: 0, count: octets.count * 2 + 1 << 17)
        let count = unsafe input.withUnsafeMutableBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe stream.pointee.next_in = input.baseAddress
                unsafe stream.pointee.avail_in = UInt32(input.count)
                unsafe stream.pointee.next_out = output.baseAddress
                unsafe stream.pointee.avail_out = UInt32(output.count)
                let result = unsafe deflate(stream, flush)
                // Flushing twice gives nothing the second time.
                let isIdle = result == Z_BUF_ERROR && input.isEmpty
                precondition(isIdle || result == (flush == Z_FINISH ? Z_STREAM_END : Z_OK))
                return unsafe output.count - Int(stream.pointee.avail_out)
            }
        }
        return Array(output.prefix(count))
    }

    /// A final block (RFC 7692 §7.2.3.4), its stream's end; the next one begins with `window` to
    /// refer to.
    func finish(_ octets: [UInt8], keeping window: some Sequence<UInt8>) -> [UInt8] {
        let wire = self.octets(of: octets, flush: Z_FINISH)
        restart(keeping: Array(window))
        return wire
    }

    func restart(keeping window: [UInt8]) {
        unsafe deflateReset(stream)
        if window.isEmpty { return }
        let result = unsafe window.withUnsafeBufferPointer { window in
            unsafe deflateSetDictionary(stream, window.baseAddress, UInt32(window.count))
        }
        precondition(result == Z_OK)
    }
}

/// Counts what zlib takes through the hooks that it offers for it.
final class ZlibMemory {
    private(set) var octets = 0

    /// What deflating takes, with all of malloc's own.
    static func deflating(_ message: [UInt8], windowBits: Int, memoryLevel: Int) -> Int {
        let memory = ZlibMemory()
        var stream = unsafe memory.hooked()
        let result = unsafe czlib_deflate_init_raw(
            &stream, 9, Int32(windowBits), Int32(memoryLevel))
        precondition(result == Z_OK)
        unsafe run(&stream, message, deflate)
        unsafe deflateEnd(&stream)
        return memory.octets
    }

    /// What inflating takes before anything comes, and when everything has come.
    static func inflating(_ wire: [UInt8], windowBits: Int) -> (before: Int, after: Int) {
        let memory = ZlibMemory()
        var stream = unsafe memory.hooked()
        let result = unsafe czlib_inflate_init_raw(&stream, Int32(windowBits))
        precondition(result == Z_OK)
        let before = memory.octets
        unsafe run(&stream, wire, inflate)
        unsafe inflateEnd(&stream)
        return (before, memory.octets)
    }

    /// What glibc takes for an allocation: with its header in steps of 16 octets, or pages of their
    /// own from 128 KiB on.
    private static func taken(for octets: Int) -> Int {
        octets < 128 * 1024 ? (octets + 8 + 15) & ~15 : (octets + 16 + 4095) & ~4095
    }

    private func hooked() -> z_stream {
        var stream = unsafe z_stream()
        unsafe stream.opaque = Unmanaged.passUnretained(self).toOpaque()
        unsafe stream.zalloc = { opaque, items, size in
            let octets = Int(items) * Int(size)
            if let opaque = unsafe opaque {
                let memory = unsafe Unmanaged<ZlibMemory>.fromOpaque(opaque).takeUnretainedValue()
                memory.octets += ZlibMemory.taken(for: octets)
            }
            return unsafe calloc(1, octets)
        }
        unsafe stream.zfree = { _, pointer in unsafe free(pointer) }
        return unsafe stream
    }

    private static func run(
        _ stream: inout z_stream, _ input: [UInt8],
        _ step: (UnsafeMutablePointer<z_stream>, Int32) -> Int32
    ) {
        var input = input
        var output = [UInt8](repeating: 0, count: 1 << 20)
        unsafe input.withUnsafeMutableBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe stream.next_in = input.baseAddress
                unsafe stream.avail_in = UInt32(input.count)
                unsafe stream.next_out = output.baseAddress
                unsafe stream.avail_out = UInt32(output.count)
                let result = unsafe step(&stream, Z_SYNC_FLUSH)
                precondition(result == Z_OK)
            }
        }
    }
}
