internal import CLinux
internal import Glibc

/// What the executable asks of the system beyond sockets: threads, signals, limits, files.
package enum System {
    /// Cores this process may run on (sched_getaffinity(2)).
    package static var coreCount: Int {
        max(1, Int(shim_core_count()))
    }

    /// Raises the limit of open files to what the system allows this process.
    /// - Returns: the limit now in force.
    @discardableResult
    package static func raiseFileLimit() -> Int { shim_raise_file_limit() }

    /// Gives large blocks of memory back to the system as soon as they are free. By itself malloc
    /// keeps blocks of up to 32 MiB once it has seen one of that size freed (mallopt(3)): one large
    /// message would be paid for until the end.
    package static func returnFreedMemory() {
        let large: Int32 = 1024 * 1024
        shim_return_freed_memory(large, 4 * large)
    }

    /// Runs `body` on a new thread that ends with it.
    /// - Throws: `SystemError` when the system has no thread left.
    package static func startThread(
        name: String, _ body: @escaping @Sendable () -> Void
    ) throws(SystemError) {
        // Balanced by the new thread, or below when there is none.
        let box = unsafe Unmanaged.passRetained(ThreadBody(name: name, body: body))
        var thread = pthread_t()
        // The new thread takes over the reference made above.
        let result = unsafe pthread_create(
            &thread, nil,
            { argument in
                // The box, whose reference this thread now owns.
                guard let argument = unsafe argument else { return nil }
                let body = unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
                // Names are null-terminated by the bridge and cut to the 15 characters Linux keeps.
                unsafe shim_name_thread(String(body.name.prefix(15)))
                body.body()
                return nil
            }, box.toOpaque())
        guard result == 0 else {
            // No thread took the box over.
            unsafe box.release()
            throw SystemError("pthread_create", code: result)
        }
        pthread_detach(thread)
    }

    /// Writes all of `octets` to an open file or pipe; blocks while it is full.
    ///
    /// - Returns: false when it is broken, or the disk is full.
    @discardableResult
    package static func write(_ octets: Span<UInt8>, to number: Int32) -> Bool {
        // The pointer is used during the call only.
        unsafe octets.withUnsafeBytes { memory in
            var offset = 0
            while offset < memory.count {
                guard let base = memory.baseAddress else { return true }
                // In bounds: `offset` is below the count.
                let written = unsafe Glibc.write(number, base + offset, memory.count - offset)
                if written < 0 {
                    if errno == EINTR { continue }
                    if errno == EAGAIN {
                        var wait = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
                        // One local entry.
                        unsafe poll(&wait, 1, 1000)
                        continue
                    }
                    return false
                }
                offset += written
            }
            return true
        }
    }

    /// Whether a file or pipe takes octets within so long (poll(2)); also when it is broken, which
    /// the next write says.
    package static func isWritable(_ number: Int32, within milliseconds: Int32) -> Bool {
        var wait = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
        // One local entry.
        return unsafe poll(&wait, 1, milliseconds) > 0
    }

    /// Whether there is something to read within that time; -1 waits without end (poll(2)).
    @discardableResult
    package static func isReadable(_ number: Int32, within milliseconds: Int32) -> Bool {
        var wait = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        // One local entry.
        return unsafe poll(&wait, 1, milliseconds) > 0
    }

    /// Writes once to an open file or pipe. A pipe that is writable takes `PIPE_BUF` octets without
    /// blocking, if nobody else writes to it (pipe(7)).
    ///
    /// - Returns: how many octets were taken, which may be none.
    /// - Throws: `SystemError` when it is broken, or the disk is full.
    package static func writeOnce(
        _ octets: Span<UInt8>, to number: Int32
    ) throws(SystemError) -> Int {
        // The pointer is used during the call only.
        let written = unsafe octets.withUnsafeBytes { memory in
            // All of the memory that is shown.
            unsafe Glibc.write(number, memory.baseAddress, memory.count)
        }
        if written >= 0 { return written }
        if errno == EAGAIN || errno == EINTR { return 0 }
        throw SystemError("write")
    }

    /// What a writable pipe takes at once, and in one piece.
    package static let pipeSize = Int(PIPE_BUF)

    /// Opens a file for appending, made with mode 0640 when it is not there.
    ///
    /// A symbolic link is not followed: a user who may write to the folder could have the gateway
    /// write to any file of its user. Below `/dev` and `/proc`, where links are the system's own
    /// (`/dev/stdout`), it is.
    ///
    /// - Throws: `SystemError` when it cannot be opened; with `ELOOP` for a link.
    package static func openForAppending(_ path: String) throws(SystemError) -> Descriptor {
        let isSystems = path.hasPrefix("/dev/") || path.hasPrefix("/proc/")
        // The path is null-terminated by the bridge.
        let number = unsafe shim_open_append(path, isSystems && !path.contains("/../") ? 1 : 0)
        guard number >= 0 else { throw SystemError("open") }
        return Descriptor(number: number)
    }

    /// Ends the process at once.
    package static func exit(_ code: Int32) -> Never { Glibc.exit(code) }

    package static var processID: Int32 { getpid() }
}

private final class ThreadBody: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}
