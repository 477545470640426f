internal import Bytes
internal import Clock
internal import Locks
internal import Synchronization
internal import Transport

/// Writes lines to one open file or pipe, on a thread of its own: whoever reads them, or a disk,
/// may take as long as it likes, and no worker ever waits for it. What it may be behind with is
/// bounded (`LogQueue`).
final class LogWriter: Sendable {
    /// Some ten thousand lines.
    private static let capacity = 4 * 1024 * 1024
    /// How long whoever takes nothing is waited for when there is nothing more to come.
    private static let patience: Duration = .seconds(2)

    private struct State {
        var queue = LogQueue(capacity: LogWriter.capacity)
        var isFinishing = false
        var isDone = false
    }

    private let number: Int32
    private let losses: LogLosses
    private let state = Guarded(State())
    /// Wakes the thread when there is something to do.
    private let bell: Mailbox<Void>
    /// Rung when the thread is done.
    private let end: Mailbox<Void>

    /// - Parameter number: is closed when everything is written, unless it is standard output or
    ///   standard error.
    /// - Throws: `SystemError` when there is no descriptor or no thread left.
    init(to number: Int32, losses: LogLosses) throws(SystemError) {
        self.number = number
        self.losses = losses
        bell = try Mailbox(capacity: 1)
        end = try Mailbox(capacity: 1)
        let writer = self
        try System.startThread(name: "access log") { writer.run() }
    }

    /// Whole lines, so many.
    func write(_ lines: Span<UInt8>, count: Int) {
        let (outcome, isFirst) = state.withLock { state in
            let wasEmpty = state.queue.isEmpty
            return (state.queue.append(lines, count: count), wasEmpty)
        }
        losses.note(outcome.leftOut, outcome.notice)
        if isFirst { bell.post(()) }
    }

    /// Nothing more comes. What waits is written still, by and by.
    func finish() {
        state.withLock { $0.isFinishing = true }
        bell.post(())
    }

    /// After `finish()`: until all is written, or given up.
    func waitForEnd() {
        while !state.withLock({ $0.isDone }) {
            System.isReadable(end.descriptorNumber, within: 1000)
        }
    }

    // MARK: The thread

    private func run() {
        var begun: [UInt8] = []
        while true {
            let (octets, isFinishing) = state.withLock { ($0.queue.take(), $0.isFinishing) }
            if !octets.isEmpty {
                write(octets, behind: &begun)
            } else if isFinishing {
                break
            } else {
                System.isReadable(bell.descriptorNumber, within: -1)
                _ = bell.take()
            }
        }
        if !begun.isEmpty, System.isWritable(number, within: 0) { write([], behind: &begun) }
        if !begun.isEmpty { losses.note(1) }
        if number > 2 { Descriptor(number: number).close() }
        state.withLock { $0.isDone = true }
        end.post(())
    }

    /// - Parameter begun: what is missing of a line that is there in part. It comes first, so that
    ///   lines stay whole when a disk that was full has room again.
    private func write(_ lines: [UInt8], behind begun: inout [UInt8]) {
        let octets = begun + lines
        var offset = 0
        var lastTaken = SystemClock.now()
        var isBroken = false
        var error: SystemError?
        while offset < octets.count, !isBroken {
            let rest = octets.span.extracting(offset..<octets.count)
            if System.isWritable(number, within: 200) {
                let piece = rest.extracting(0..<Self.pieceSize(of: rest))
                do throws(SystemError) {
                    let taken = try System.writeOnce(piece, to: number)
                    if taken > 0 { lastTaken = SystemClock.now() }
                    offset += taken
                } catch let failure {
                    error = failure
                    isBroken = true
                }
            } else if state.withLock({ $0.isFinishing }) {
                isBroken = SystemClock.now() - lastTaken > Self.patience
            }
        }
        let unwritten = LogQueue.unwritten(of: octets, from: offset, isBegun: !begun.isEmpty)
        begun = unwritten.rest
        let (outcome, notice) = state.withLock { state in
            let lost = unwritten.lines
            let outcome = lost > 0 ? state.queue.leaveOut(lost) : (0, nil)
            return (outcome, state.queue.written(isBroken: isBroken))
        }
        losses.note(outcome.0, outcome.1, error)
        losses.note(0, notice)
    }

    /// As many whole lines as a pipe takes in one piece, so that they stay whole beside those of
    /// other processes; a part of one that is longer.
    private static func pieceSize(of octets: Span<UInt8>) -> Int {
        guard octets.count > System.pipeSize else { return octets.count }
        var end = System.pipeSize
        while end > 0, octets[end - 1] != ASCII.lineFeed { end -= 1 }
        return end == 0 ? System.pipeSize : end
    }
}
