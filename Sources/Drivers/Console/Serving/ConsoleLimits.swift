/// What one side of a conversation with the console may cost the other. Tests wait less.
struct ConsoleLimits: Sendable {
    var connections = 64
    /// Octets of a request's head, of the target in it, and of its body.
    var headSize = 16 * 1024
    var targetSize = 12 * 1024
    var bodySize = 256 * 1024
    /// From the first octet of a head to its last, and of a body.
    var headTime: Duration = .seconds(10)
    var bodyTime: Duration = .seconds(10)
    /// Without a request.
    var idleTime: Duration = .seconds(30)
    /// From a request to what its endpoint answers.
    var answerTime: Duration = .seconds(10)
    /// For all of an answer to be taken.
    var sendTime: Duration = .seconds(30)
    /// What still comes after the last answer is thrown away for so long, so that it does not turn
    /// the end into a reset before the answer is read; and at most so many octets.
    var lingerTime: Duration = .seconds(2)
    var lingerSize = 1024 * 1024
}
