import Clock
import JSON
import Transport

/// A waiting room as the demo's clients see it: numbers are called, people come.
struct DemoQueue {
    private(set) var calledNumber = 1
    private(set) var waitingCount = 5

    /// The next number is called; now and then two people come, now and then none.
    mutating func advance() {
        calledNumber += 1
        waitingCount = max(0, waitingCount - 1) + [2, 0, 1][calledNumber % 3]
    }

    /// What a queue socket is sent by itself.
    func update(of id: String, sockets: Int) -> [UInt8] {
        message("queue_update", queue: id, sockets: sockets)
    }

    /// The answer to `queue_status_request`.
    func status(of id: String) -> [UInt8] { message("queue_status", queue: id, sockets: nil) }

    /// What every event of a stream carries.
    func appendMembers(to text: inout [UInt8]) {
        text.appendMember("called", calledNumber)
        text.appendMember("waiting", waitingCount)
        text.appendMember("timestamp", SystemClock.wallTime().rfc3339())
    }

    private func message(_ type: String, queue id: String, sockets: Int?) -> [UInt8] {
        var text: [UInt8] = []
        text.beginJSONObject()
        text.appendMember("type", type)
        text.appendMember("queue_id", id)
        if let sockets { text.appendMember("sockets", sockets) }
        appendMembers(to: &text)
        text.endJSONObject()
        return text
    }
}
