import Testing

/// A history that has broken a rule once, as a failure tells it: shortened. What is kept are its
/// events, because a seed makes up others when what happens is weighed anew.
struct KeptHistory: CustomTestStringConvertible {
    /// What was wrong.
    let fault: String
    /// For what the house draws: names, masks and moments that are spread.
    let seed: UInt64
    let events: String

    var testDescription: String { fault }

    static let all = [
        KeptHistory(
            fault: "an end by rule that waited within an event was forgotten when its client left",
            seed: 42_100,
            events: """
                arriveAll(191653, 521505), ask(236732, 954561), answer(442294, 796921),
                torn(89636, 512948), serverArrives(542378, 161968), kick(251789, 431867),
                clientLeaves(763780, 831084)
                """),
        KeptHistory(
            fault: "an end by rule that waited was forgotten when everybody had left",
            seed: 49_462,
            events: """
                arriveAll(924757, 247280), ask(661466, 694875), connect(107909, 129554),
                door(49035, 100544), ask(1012329, 695114), reload(282808, 48053),
                ask(976839, 450104), ask(565284, 141316), ask(756741, 123838),
                ask(442897, 876984), answer(135199, 945987), connect(58927, 25222),
                connect(956094, 190253), ask(285619, 666513), answer(643091, 413023),
                ask(379810, 525043), large(735424, 567202), serverArrivesAll(46535, 813008),
                revoke(499012, 444663), ask(304201, 651574)
                """),
        KeptHistory(
            fault: "an end by rule that waited was forgotten when both sides had closed",
            seed: 50_701,
            events: """
                arriveAll(985535, 707029), connect(389056, 210077), connect(459703, 423708),
                ask(616582, 161852), answer(840965, 950648), clientLeaves(656670, 16308),
                large(295518, 666772), sayTooMuch(661082, 589788), serverEnds(517241, 322126),
                closeSocket(572914, 828), kick(913995, 640831), arriveAll(268838, 1021170),
                serverArrivesAll(332283, 758444)
                """),
        KeptHistory(
            fault: "a message that came with a 101 was heard behind the end of the token",
            seed: 47_233,
            events: """
                wholeBody(114768, 410232), longWhile(865692, 982418), ask(537143, 596730),
                moment(751914, 1005733), moment(1034135, 368691), second(104345, 714878),
                second(346211, 997322), answer(917960, 730847), goOn(430598, 965394),
                serverArrivesAll(780423, 182644)
                """),
        KeptHistory(
            fault: "an event that came with its head was heard behind the end of the token",
            seed: 49_055,
            events: """
                arriveAll(574636, 912754), ask(663830, 36082), answer(711164, 1044099),
                second(974652, 462351), second(214730, 893652), goOn(980244, 995195),
                serverArrivesAll(9688, 931233)
                """),
        KeptHistory(
            fault: "an answer that its client had not taken looked whole when the process ended",
            seed: 48_241,
            events: """
                arriveAll(997351, 544933), ask(200461, 545571), connect(871378, 744134),
                connect(786430, 222121), ask(280011, 705540), ask(207920, 222621),
                answer(330884, 289433), ask(720268, 713506), answer(420988, 888851),
                longWhile(22092, 704018), second(904992, 39900), connect(386075, 359992),
                moment(7744, 503547), serverArrivesAll(964721, 774305), stall(266512, 146414),
                goOn(177965, 373104), serverEnds(331455, 149379), ask(126939, 749671),
                serverArrivesAll(973787, 282298), ask(306192, 334927)
                """),
        KeptHistory(
            fault: "an answer without a length, behind another, looked whole likewise",
            seed: 212_333,
            events: """
                arrive(394570, 127291), stall(592530, 861740), ask(420602, 252052),
                connect(936158, 303291), ask(242020, 991548), answer(48486, 707946),
                goOn(669301, 732437), goOn(435544, 1005111), ask(469581, 416283),
                goOn(89500, 759820), serverEnds(776994, 257146), ask(175059, 427378)
                """),
        KeptHistory(
            fault: "a request went on to a server although its user was locked out while it waited",
            seed: 401_209,
            events: """
                door(778157, 347053), arrive(98447, 939696), ask(296243, 263733),
                revoke(703002, 976273), second(898011, 160536), moment(886984, 667944),
                moment(501411, 154623), second(526609, 382202), door(156239, 974376)
                """),
        KeptHistory(
            fault: "the reference had no time for a client to close whose token had ended",
            seed: 205_309,
            events: """
                second(456868, 1026425), take(736639, 417005), ask(118335, 869514),
                moment(1038242, 697929), arriveAll(831148, 704763), closeSocket(165337, 403350),
                arriveAll(364518, 810246), answer(344625, 811529), second(283516, 786489),
                second(187717, 707988), goOn(903716, 71912), serverArrivesAll(124569, 344473)
                """),
    ]
}

extension Happening {
    /// The events of a history, as failures print them; nil when something else is among them.
    static func list(_ text: String) -> [Happening]? {
        var events: [Happening] = []
        for part in text.split(separator: ")") {
            let words = part.split { " ,(\n[]".contains($0) }
            guard words.count == 3, let which = Int(words[1]), let much = Int(words[2]),
                let kind = Kind.allCases.first(where: { "\($0)" == words[0] })
            else { return nil }
            events.append(Happening(kind: kind, which: which, much: much))
        }
        return events
    }
}
