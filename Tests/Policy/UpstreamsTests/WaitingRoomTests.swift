import Clock
import Randomness
import Testing
import Upstreams

@Suite struct WaitingRoomTests {
    private let start = Instant.seconds(100)

    /// With so many who wait, numbered from 1, and nobody who has tried yet.
    private func room(_ count: UInt64) -> WaitingRoom {
        var room = WaitingRoom(now: start, jitter: 0.5)
        for waiter in 1...count { room.enter(waiter) }
        return room
    }

    private func due(_ room: inout WaitingRoom, reachable: Bool = false) -> [UInt64] {
        guard let next = room.nextDue else { return [] }
        return room.timePassed(to: next, isReachable: reachable)
    }

    @Test func `while the servers are away one tries, the eldest first, and ever more rarely`() {
        var room = room(3)
        #expect(room.timePassed(to: start, isReachable: false) == [])
        var now = start
        var pauses: [Duration] = []
        for probe: UInt64 in [1, 2, 3, 1, 2, 3] {
            let next = room.nextDue ?? .never
            pauses.append(next - now)
            now = next
            #expect(room.timePassed(to: now, isReachable: false) == [probe])
            #expect(room.nextDue == nil, "nobody else tries meanwhile")
            room.failed(probe, now: now, jitter: 1)
            room.enter(probe)
        }
        #expect(pauses == [100, 200, 400, 800, 1000, 1000].map { .milliseconds($0) })
        #expect(room.count == 3)
    }

    @Test(arguments: [0, 0.25, 0.5, 1])
    func `pauses differ from worker to worker, and are never nothing`(jitter: Double) {
        var room = WaitingRoom(now: start, jitter: jitter)
        room.enter(1)
        let first = (room.nextDue ?? .never) - start
        #expect(first == .milliseconds(50 + Int(jitter * 100)))
        _ = due(&room)
        room.failed(1, now: start, jitter: jitter)
        #expect((room.nextDue ?? .never) - start == .milliseconds(100 + Int(jitter * 100)))
    }

    @Test func `when a server is back, growing groups follow, each of them bounded`() {
        var room = room(2000)
        #expect(due(&room) == [1])
        room.reached(now: start)
        var sizes: [Int] = []
        var handed: [UInt64] = [1]
        while room.count > 0 {
            let group = due(&room)
            sizes.append(group.count)
            handed += group
        }
        #expect(sizes.prefix(8) == [4, 8, 16, 32, 64, 128, 256, 256])
        #expect(sizes.max() == WaitingRoom.largestGroup)
        #expect(handed == Array(1...2000), "in the order they came, each once")
        #expect(room.isIdle)
        #expect(
            (room.nextDue ?? .never) - start == WaitingRoom.step * sizes.count,
            "2,000 in little more than a second")
    }

    @Test func `what another worker found out opens the room without a probe`() {
        var room = room(20)
        #expect(due(&room, reachable: true) == [1, 2, 3, 4])
        #expect(room.isOpening)
    }

    @Test func `an attempt that fails closes the room again`() {
        var room = room(20)
        _ = due(&room)
        room.reached(now: start)
        #expect(due(&room) == [2, 3, 4, 5])
        room.failed(2, now: start, jitter: 0.5)
        room.enter(2)
        for late: UInt64 in [3, 4, 5] {
            room.failed(late, now: start, jitter: 0.5)
            room.enter(late)
        }
        #expect(!room.isOpening)
        #expect(
            (room.nextDue ?? .never) - start == WaitingRoom.firstPause, "as if for the first time")
        #expect(due(&room) == [6])
    }

    @Test func `a probe that leaves lets the next one try at once`() {
        var room = room(2)
        _ = due(&room)
        room.leave(1, now: start + .seconds(1))
        #expect(room.nextDue == start + .seconds(1))
        #expect(due(&room) == [2])
        room.leave(2, now: start)
        #expect(room.isIdle)
    }

    @Test func `who leaves is not handed out, and who comes back stands at the end`() {
        var room = room(3)
        room.leave(1, now: start)
        room.leave(2, now: start)
        room.enter(1)
        #expect(room.count == 2)
        room.reached(now: start)
        #expect(due(&room) == [3, 1])
    }

    @Test func `other servers are tried at once`() {
        var room = room(2)
        _ = due(&room)
        room.serversChanged(now: start)
        #expect(room.nextDue == start)
        #expect(due(&room) == [2])
        room.failed(1, now: start, jitter: 0.5)
        room.enter(1)
        #expect(room.nextDue == nil, "the old servers say nothing of the new ones")
    }

    @Test func `nobody is lost, whatever happens`() {
        var generator = SeededGenerator(seed: 12)
        for _ in 0..<200 {
            var room = WaitingRoom(now: start, jitter: 0)
            var now = start
            var waiting: Set<UInt64> = []
            var trying: Set<UInt64> = []
            for step in 0..<400 {
                now = now + .milliseconds(Int.random(in: 0...80, using: &generator))
                switch Int.random(in: 0...6, using: &generator) {
                case 0, 1:
                    room.enter(UInt64(step))
                    waiting.insert(UInt64(step))
                case 2:
                    guard let one = waiting.union(trying).randomElement(using: &generator) else {
                        break
                    }
                    room.leave(one, now: now)
                    waiting.remove(one)
                    trying.remove(one)
                case 3:
                    guard let one = trying.randomElement(using: &generator) else { break }
                    room.reached(now: now)
                    room.leave(one, now: now)
                    trying.remove(one)
                case 4:
                    guard let one = trying.randomElement(using: &generator) else { break }
                    room.failed(one, now: now, jitter: 0.5)
                    room.enter(one)
                    trying.remove(one)
                    waiting.insert(one)
                case 5 where step % 20 == 0: room.serversChanged(now: now)
                default:
                    let isReachable = step % 50 == 0
                    for one in room.timePassed(to: now, isReachable: isReachable) {
                        #expect(waiting.remove(one) != nil)
                        trying.insert(one)
                    }
                }
                #expect(room.count == waiting.count)
                if trying.isEmpty, !waiting.isEmpty {
                    #expect(room.nextDue != nil, "somebody will try")
                }
            }
        }
    }
}
