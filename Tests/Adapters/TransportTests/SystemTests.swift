import Clock
import Foundation
import Peers
import Synchronization
import Testing
import Transport

@Suite struct SystemTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func `a thread runs under its name, cut to what Linux keeps`() throws {
        let box = try Mailbox<String>(capacity: 1)
        try System.startThread(name: "a name of more than fifteen") {
            box.post((try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)) ?? "")
        }
        let poller = try Poller()
        try poller.add(box.descriptorNumber, token: 1, interest: .readable)
        try #require(poller.wait(milliseconds: 5_000) == 1)
        #expect(box.take() == ["a name of more \n"])
    }

    @Test func `a file is appended to, and made for its owner`() throws {
        let path = folder.path("access.log")
        for word in ["one ", "two"] {
            let file = try System.openForAppending(path)
            System.write(word.utf8.span, to: file.number)
        }
        #expect(try folder.read("access.log") == Array("one two".utf8))
        var status = stat()
        // A local structure.
        #expect(unsafe stat(path, &status) == 0)
        #expect(status.st_mode & 0o007 == 0)
        #expect(throws: SystemError("open", code: ENOENT)) {
            try System.openForAppending(folder.path("nowhere/access.log"))
        }
    }

    @Test func `a full pipe is waited for`() throws {
        var numbers: [Int32] = [-1, -1]
        // C fills in the two numbers.
        try #require(unsafe pipe(&numbers) == 0)
        #expect(fcntl(numbers[1], F_SETFL, O_NONBLOCK) == 0)
        let reading = Descriptor(number: numbers[0])
        let writing = DescriptorTransfer(Descriptor(number: numbers[1]))
        let octets = [UInt8](repeating: 7, count: 1 << 20)
        try System.startThread(name: "writing") {
            let descriptor = writing.take()
            System.write(octets.span, to: descriptor.number)
        }
        var received: [UInt8] = []
        var portion = [UInt8](repeating: 0, count: 65_536)
        var count = -1
        while count != 0 {
            var waiting = pollfd(fd: reading.number, events: Int16(POLLIN), revents: 0)
            // A local structure.
            try #require(unsafe poll(&waiting, 1, 20_000) == 1, "nothing comes any more")
            // At most as many octets as the array has.
            count = unsafe read(reading.number, &portion, portion.count)
            if count > 0 { received += portion[..<count] }
        }
        #expect(received.elementsEqual(octets))
    }

    @Test func `the machine has cores and descriptors`() {
        #expect(System.coreCount >= 1)
        #expect(System.raiseFileLimit() >= 256)
        #expect(System.processID == getpid())
    }

    @Test func `the clocks run`() {
        let first = SystemClock.now()
        let second = SystemClock.now()
        #expect(first <= second)
        #expect(second - first < .seconds(60))
        // After 2020, before 2200.
        #expect((1_577_836_800...7_258_118_400).contains(SystemClock.wallTime().seconds))
    }
}
