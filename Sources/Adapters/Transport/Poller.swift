internal import CLinux
internal import Glibc

/// What a registered descriptor is ready for.
package struct Readiness: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let readable = Readiness(rawValue: 1)
    package static let writable = Readiness(rawValue: 2)
    /// Error or hang-up; the next read or write says which.
    package static let broken = Readiness(rawValue: 4)
    /// The other side finished sending; octets that were not received yet may come before that. To
    /// be asked for where one does not want to receive: it is said again until it is not asked for.
    package static let finished = Readiness(rawValue: 8)

    // Without the generic set algebra, which is not specialised across modules.
    package var isReadable: Bool { rawValue & 1 != 0 }
    package var isWritable: Bool { rawValue & 2 != 0 }
    package var isBroken: Bool { rawValue & 4 != 0 }
    package var isFinished: Bool { rawValue & 8 != 0 }
}

/// One epoll instance (epoll(7)), level-triggered: readiness comes back as values that the worker
/// looks up, so nothing is called from here.
@safe
package final class Poller {
    package static let capacity = 512

    private let descriptor: Descriptor
    // Owned: allocated in `init`, freed in `deinit`.
    private let events: UnsafeMutablePointer<epoll_event>

    /// - Throws: `SystemError` when the process has no descriptor left.
    package init() throws(SystemError) {
        let number = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard number >= 0 else { throw SystemError("epoll_create1") }
        descriptor = Descriptor(number: number)
        // Freed in `deinit`.
        unsafe events = .allocate(capacity: Self.capacity)
        unsafe events.initialize(repeating: epoll_event(), count: Self.capacity)
    }

    deinit {
        // The allocation of `init`.
        unsafe events.deallocate()
    }

    /// Starts watching `number`; events carry `token`.
    package func add(_ number: Int32, token: UInt64, interest: Readiness) throws(SystemError) {
        guard control(EPOLL_CTL_ADD, number, token, interest) == 0 else {
            throw SystemError("epoll_ctl")
        }
    }

    /// Changes what `number` is watched for.
    package func change(_ number: Int32, token: UInt64, interest: Readiness) {
        let result = control(EPOLL_CTL_MOD, number, token, interest)
        assert(result == 0, "a descriptor is changed only while it is watched")
    }

    /// Stops watching `number`, which is still open. One that is not watched, because `add` failed,
    /// is left alone.
    package func remove(_ number: Int32) {
        var event = unsafe epoll_event()
        // The event is ignored by the call but must not be null on old kernels.
        let result = unsafe epoll_ctl(descriptor.number, EPOLL_CTL_DEL, number, &event)
        assert(result == 0 || errno == ENOENT, "a descriptor is removed before it is closed")
    }

    /// Waits until something is ready, at most `milliseconds` (-1: without end).
    /// - Returns: how many events `event(_:)` answers now.
    package func wait(milliseconds: Int32) -> Int {
        // `events` has room for `capacity`.
        let count = unsafe epoll_wait(
            descriptor.number, events, Int32(Self.capacity), milliseconds)
        return max(0, Int(count))
    }

    /// The event at `index`, below the count the last `wait` answered.
    package func event(_ index: Int) -> (token: UInt64, readiness: Readiness) {
        precondition(index >= 0 && index < Self.capacity)
        // In bounds by the line above; initialised in `init`.
        let event = unsafe events[index]
        let flags = unsafe event.events
        var ready: UInt8 = 0
        if flags & EPOLLIN.rawValue != 0 { ready |= Readiness.readable.rawValue }
        if flags & EPOLLOUT.rawValue != 0 { ready |= Readiness.writable.rawValue }
        if flags & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 {
            ready |= Readiness.broken.rawValue
        }
        if flags & EPOLLRDHUP.rawValue != 0 { ready |= Readiness.finished.rawValue }
        // The union's other members are never stored.
        return unsafe (event.data.u64, Readiness(rawValue: ready))
    }

    private func control(
        _ operation: Int32, _ number: Int32, _ token: UInt64, _ interest: Readiness
    ) -> Int32 {
        var flags: UInt32 = 0
        if interest.isReadable { flags |= EPOLLIN.rawValue }
        if interest.isWritable { flags |= EPOLLOUT.rawValue }
        if interest.isFinished { flags |= EPOLLRDHUP.rawValue }
        // `u64` is the only member of the union in use here; the event is read during the call.
        var event = unsafe epoll_event(events: flags, data: epoll_data_t(u64: token))
        return unsafe epoll_ctl(descriptor.number, operation, number, &event)
    }
}
