internal import CLinux
internal import Glibc

/// Octets the kernel did not take yet. Holds no memory while it is empty, and otherwise at most
/// four times as much as ever waited at once. Its owner bounds that: it stops reading the other
/// side.
@safe
struct SendQueue: ~Copyable {
    private static let smallestCapacity = 4096

    // Owned: malloc'd when needed, freed when empty and in `deinit`.
    private var memory: UnsafeMutableRawPointer?
    private(set) var capacity = 0
    private var start = 0
    private var end = 0

    init() {
        // Nothing is allocated before the first octet waits.
        unsafe memory = nil
    }

    deinit {
        // Null or the last allocation.
        unsafe free(memory)
    }

    var count: Int { end - start }

    /// Octets of memory that are in use: also in front of what waits.
    var extent: Int { end }

    mutating func append(_ octets: UnsafeRawBufferPointer) {
        // Checked for null before it is used.
        guard let source = octets.baseAddress, octets.count > 0 else { return }
        makeRoom(octets.count)
        // `makeRoom` left at least `octets.count` behind `end`.
        unsafe memory?.advanced(by: end).copyMemory(from: source, byteCount: octets.count)
        end += octets.count
    }

    /// Shows what waits to `send`, which answers how much of it was taken.
    mutating func drain(_ send: (UnsafeRawBufferPointer) -> Int) {
        // Not null while something waits.
        guard let memory = unsafe memory, count > 0 else { return }
        // `start..<end` was written by `append`.
        let taken = unsafe send(UnsafeRawBufferPointer(start: memory + start, count: count))
        start += min(count, max(0, taken))
        if start == end { release() }
    }

    mutating func release() {
        // Null or the last allocation; nothing points to it.
        unsafe free(memory)
        unsafe memory = nil
        capacity = 0
        start = 0
        end = 0
    }

    private mutating func makeRoom(_ size: Int) {
        if capacity - end >= size { return }
        // Moved only when at least as much has been sent as is moved: an octet costs one move.
        if start >= count { moveToFront() }
        if capacity - end >= size { return }
        var wanted = max(Self.smallestCapacity, capacity)
        while wanted - end < size { wanted *= 2 }
        // Growing keeps the first `end` octets; without memory the process cannot go on.
        guard let grown = unsafe realloc(memory, wanted) else {
            preconditionFailure("out of memory")
        }
        // The old allocation is gone; this one is ours.
        unsafe memory = grown
        capacity = wanted
    }

    private mutating func moveToFront() {
        // Not null when something was sent from it.
        guard let memory = unsafe memory, start > 0 else { return }
        // Both ranges are inside the allocation and may overlap.
        unsafe memmove(memory, memory + start, count)
        end -= start
        start = 0
    }
}
