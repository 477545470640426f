import Glibc
import Peers
import Testing
import Transport

@Suite struct DescriptorTests {
    /// The two ends of a pipe: reading, writing.
    private func pipe() -> (Descriptor, Descriptor) {
        var numbers: [Int32] = [-1, -1]
        // C fills in the two numbers.
        let result = unsafe Glibc.pipe(&numbers)
        #expect(result == 0)
        return (Descriptor(number: numbers[0]), Descriptor(number: numbers[1]))
    }

    /// The other end of the pipe is closed everywhere: reading answers the end at once.
    private func isAtEnd(_ descriptor: Descriptor) -> Bool {
        var octet: UInt8 = 0
        // Not blocking, so that a failure is no hanging test.
        guard fcntl(descriptor.number, F_SETFL, O_NONBLOCK) == 0 else { return false }
        return unsafe read(descriptor.number, &octet, 1) == 0
    }

    @Test func `a descriptor is closed when nobody holds it`() {
        let (reading, writing) = pipe()
        var held: Descriptor? = writing
        #expect(!isAtEnd(reading))
        _ = consume writing
        held = nil
        #expect(held == nil)
        #expect(isAtEnd(reading))
    }

    @Test func `a closed descriptor has no number that somebody else could have got since`() {
        let (reading, writing) = pipe()
        writing.close()
        #expect(isAtEnd(reading))
        #expect(writing.number == -1)
        writing.close()
        #expect(writing.release() == -1)
    }

    @Test func `a number given away is not closed`() {
        let (reading, writing) = pipe()
        let number = writing.release()
        #expect(number >= 0)
        #expect(writing.number == -1)
        #expect(writing.release() == -1)
        writing.close()
        #expect(!isAtEnd(reading))
        Descriptor(number: number).close()
        #expect(isAtEnd(reading))
    }

    @Test func `a transfer hands the number over once`() {
        let (reading, writing) = pipe()
        let transfer = DescriptorTransfer(writing)
        #expect(writing.number == -1)
        let taken = transfer.take()
        #expect(taken.number >= 0)
        #expect(transfer.take().number == -1)
        #expect(!isAtEnd(reading))
        taken.close()
        #expect(isAtEnd(reading))
    }

    @Test func `a transfer that nobody takes closes the number`() {
        let (reading, writing) = pipe()
        var transfer: DescriptorTransfer? = DescriptorTransfer(writing)
        #expect(transfer != nil)
        #expect(!isAtEnd(reading))
        transfer = nil
        #expect(isAtEnd(reading))
    }

    @Test(arguments: [
        (ECONNREFUSED, "Connection refused"), (ETIMEDOUT, "Connection timed out"),
        (ENOENT, "No such file or directory"), (EAGAIN, "Resource temporarily unavailable"),
        (EMFILE, "Too many open files"), (EINVAL, "Invalid argument"),
    ])
    func `errors have the system's words`(code: Int32, words: String) {
        let error = SystemError("connect", code: code)
        #expect(error.reason == words)
        #expect(!error.isAddressInUse)
        #expect(SystemError("bind", code: EADDRINUSE).isAddressInUse)
    }

    @Test(arguments: [
        (EMFILE, true, false), (ENFILE, true, false), (EADDRNOTAVAIL, true, false),
        (ENOBUFS, true, false), (ENOMEM, true, false), (EAGAIN, false, true),
        (ECONNREFUSED, false, false), (ENOENT, false, false), (ETIMEDOUT, false, false),
    ])
    func `whose fault it is that no connection was made`(
        code: Int32, isShortage: Bool, isQueueFull: Bool
    ) {
        let error = SystemError("connect", code: code)
        #expect(error.isShortage == isShortage)
        #expect(error.isQueueFull == isQueueFull)
    }
}
