internal import CLinux
internal import Glibc
internal import Synchronization

/// A failed system call: what was tried, and the `errno`.
package struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    package var operation: String
    package var code: Int32

    package init(_ operation: String, code: Int32 = errno) {
        self.operation = operation
        self.code = code
    }

    /// `open: No such file or directory`.
    package var description: String { "\(operation): \(reason)" }

    /// The system's own words for the code, or better ones.
    package var reason: String {
        // The system's words are about many links; here one is enough.
        if code == ELOOP { return "it is a symbolic link (name the file that it points to)" }
        var text = [CChar](repeating: 0, count: 128)
        // The text is cut to the array's size and null-terminated.
        guard unsafe shim_error_text(code, &text, text.count) == 0 else { return "error \(code)" }
        return String(
            decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// A connection that was not made in the time for it.
    package static let timedOut = SystemError("connect", code: ETIMEDOUT)

    package var isAddressInUse: Bool { code == EADDRINUSE }

    /// This system, or this process, has none left of what it takes: descriptors, local ports,
    /// memory. The other side has nothing to do with it.
    package var isShortage: Bool {
        [EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL, ENOSPC].contains(code)
    }

    /// True when the listener at the path has no room in the queue for one more (connect(2), of a
    /// path).
    package var isQueueFull: Bool { code == EAGAIN }
}

/// An open file descriptor that is closed exactly once: by `close()` or when nobody holds it.
package final class Descriptor {
    /// -1 once it is closed or given away: the system may have given the number to another
    /// descriptor.
    package var number: Int32 { open }
    private var open: Int32

    package init(number: Int32) { open = number }

    deinit { close() }

    package func close() {
        let number = release()
        // Linux has closed it whatever the answer, EINTR included (close(2)).
        if number >= 0 { Glibc.close(number) }
    }

    /// Gives the number away without closing it; -1 when there is none any more.
    package func release() -> Int32 {
        defer { open = -1 }
        return open
    }
}

/// A descriptor on its way from one thread to another: the thread that takes it owns it. A
/// descriptor that is never taken is closed.
package final class DescriptorTransfer: Sendable {
    private let number: Atomic<Int32>

    package init(_ descriptor: Descriptor) { number = Atomic(descriptor.release()) }

    deinit {
        let left = number.load(ordering: .acquiring)
        if left >= 0 { Glibc.close(left) }
    }

    /// The descriptor, the first time; afterwards one that is closed already.
    package func take() -> Descriptor {
        Descriptor(number: number.exchange(-1, ordering: .acquiringAndReleasing))
    }
}
