import Synchronization
import Testing
import Transport

@Suite struct MailboxTests {
    @Test func `messages come out in order, all at once`() throws {
        let box = try Mailbox<Int>(capacity: 10)
        #expect(box.take() == [])
        for number in 0..<5 { #expect(box.post(number)) }
        #expect(box.take() == [0, 1, 2, 3, 4])
        #expect(box.take() == [])
    }

    @Test func `a full box takes no more until it is emptied`() throws {
        let box = try Mailbox<Int>(capacity: 3)
        #expect((0..<5).map { box.post($0) } == [true, true, true, false, false])
        #expect(box.take() == [0, 1, 2])
        #expect(box.post(9))
        #expect(box.take() == [9])
    }

    @Test func `a message wakes the poller until it is taken`() throws {
        let box = try Mailbox<String>(capacity: 3)
        let poller = try Poller()
        try poller.add(box.descriptorNumber, token: 5, interest: .readable)
        #expect(poller.wait(milliseconds: 0) == 0)
        box.post("a")
        box.post("b")
        #expect(poller.wait(milliseconds: 2_000) == 1)
        #expect(poller.event(0).token == 5)
        #expect(box.take() == ["a", "b"])
        #expect(poller.wait(milliseconds: 0) == 0)
        box.post("c")
        #expect(poller.wait(milliseconds: 2_000) == 1)
    }

    @Test func `many threads post and one that is only woken misses nothing`() throws {
        let box = try Mailbox<Int>(capacity: 100_000)
        let poller = try Poller()
        try poller.add(box.descriptorNumber, token: 1, interest: .readable)
        let threadCount = 4
        let each = 5_000
        for thread in 0..<threadCount {
            try System.startThread(name: "posting \(thread)") {
                for number in 0..<each { box.post(thread * each + number) }
            }
        }
        var last = [Int](repeating: -1, count: threadCount)
        var count = 0
        while count < threadCount * each {
            try #require(poller.wait(milliseconds: 10_000) == 1)
            for number in box.take() {
                // What one thread posts stays in order.
                #expect(last[number / each] < number)
                last[number / each] = number
                count += 1
            }
        }
        #expect(box.take() == [])
    }

    @Test func `what is left in a box goes with it`() throws {
        final class Token: Sendable {
            let ended: Counter
            init(_ ended: Counter) { self.ended = ended }
            deinit { ended.number.add(1, ordering: .relaxed) }
        }
        final class Counter: Sendable { let number = Atomic(0) }
        let counter = Counter()
        var box: Mailbox<Token>? = try Mailbox(capacity: 10)
        box?.post(Token(counter))
        #expect(counter.number.load(ordering: .relaxed) == 0)
        box = nil
        #expect(counter.number.load(ordering: .relaxed) == 1)
    }
}
