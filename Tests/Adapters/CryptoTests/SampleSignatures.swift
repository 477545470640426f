/// Signatures of `SignatureTests.message` that our own code would not make: made for these tests
/// with the Python package `cryptography`, and with plain arithmetic where that refuses.
enum SampleSignature {
    /// PSS as it must be. By `SampleKey.rsa`, like all but the last.
    static let pssSHA256 =
        "rKuuv-DS3xmvtZk0Bpahx-ukJe_xUYAN8GF0qnh3CVUsA7zK5CslaUFn5R51hYsdH6Q8bVqAiNP14uJO"
        + "wG76zo83zsMTA37CDHvn8OqoKJfdaTSSUcQBEpBrfrOq1jlo2FMYrOoT_6uLhdtr4xM0Ywd0OFHn0l96"
        + "shgQLOb5JKjhdpHJaH6BEvg7NBLPc99nHv8nDt5gNns03yjpGidVXBA_2edYy-HL3sP3AOQFcgBD7q_M"
        + "whs5wwePWeCusBAGggHzxFRtL-Tb9hL3ybBILH4N_TsDI9NWj-lIxWRvFCXi9eFIyKyAkyApVj6lBb7-"
        + "m0pzoRclZUVLoRAmAvAn_A"
    /// PSS with SHA-256 and an empty salt.
    static let pssWithoutSalt =
        "JrWEqbJHIkmb_P2jr8zdDHRJScpoq1LozsAZWU51i3YNVXkiAkVPCV42ACCY9I9A9zFptkCle1i_BwLA"
        + "mf2f-gKgHFY76baiG72M_ObzouueaNW4mnNaNhCUKUnUCibdc2nqcMmh1Qc4VYvUr-7SIMLmUZsUXpO-"
        + "6k-ox5HCr6f43i8rx_m7ninl4qkuB2AR2QcxvIbPKMyk2dGF6F_oNP9req33SLkYe17vxqk_zznlJhzy"
        + "ymmRovtd2iLP0DeWrCwgOOSjagygOIW1kmO1PyLXX_l8wuXbmB9tRxVxO_lHEJElcqwW6ZqvepX_5IjS"
        + "3-XYB9IW5mZUkDF0ZEra3g"
    /// PSS with SHA-256 and a salt of 20 octets.
    static let pssShortSalt =
        "nN_bvrov09ecT8JsDFpgkZ6uQaXcCik_I6oho7qzumS4TfE5ur_gK0xdXBgdnM1FzYliG8ULF4BGUrJw"
        + "hcFDO2Po60R41hJY-AgzNEbKkjgu3HhzLperDdSPXAVKNY5YmTDfh4xic4AylkKzpJ3OiAvq-pRcIZUL"
        + "JBScvbJveP7O9LZ4ebSUq9RQxqIqlKzy6uwaxAbbeax6-DQ-gxTHHgV9ITZdCNXyynAGIoPEho8PNFnP"
        + "Sbom7sD1it3XHNQ28pxAKKUAZGz43vyudVK4LkfJeevwzu2RhRM62rX4XKQtXP2Kqh8M7pVHvWgBdIe8"
        + "VQ1TAg4gQn5r0AdrFTmpfA"
    /// PSS with SHA-256 and the longest salt that fits.
    static let pssLongestSalt =
        "drj8rNoGtoI8KlPQrsqk__ENtbtfYVThRq7W-lihvqez5cEa-6TB6KY_64joyCGwzYbbr520LF5zDVM7"
        + "2S2NUH-Yp9A-JoVQE_UKkUGZTnotVk6Y6_TUQiPXKFXyYD-9adql9M0eGQlBjGHIjLqxOl6nM3huPecU"
        + "UdBcu92P4uyPiLVnnRQr1vk3ldaxeKXQE3lH0kSJ80oFyYbTGhJFDFQufsiHVW83jcTAScZ3tfH-tIPw"
        + "eg7YppddA2IB6QYpCt52qGl7vpuOaAE8WmQ9w3LcHt7YK64b4eK3p1gzzpiHqEi9xM-aN-ZKYpyuPjHE"
        + "YIqg2aov27aivFDcACCBKg"
    /// PSS with SHA-256, but a mask made with SHA-1.
    static let pssOtherMask =
        "DBaTEM3XGVLVlkMrQ_vwsofNPLSp-hexelidAyE9tZf0tyJy9TNtKy9zcvnNReLBMDUaNtAf8ZraBAzz"
        + "Al0H5nuNDzxeDuUx3ALbQv3Aqix_46clEVyNNHDJg0ECVjToDziJ-0XCvy8gKzEwh0cjsbyTdIFg8_ZG"
        + "X2AQdpJcGHpCFIEcYi24HHAbjOUcLK4btrufAopPC0Mx71eXzyVPOXPg1iA7lpRSGVBBZrLR0olkSnB8"
        + "JJgajVhFsnYRi-aj79kdmNdCSvdaDPBbW-QbucpDh_8XKMHdHoY1z3c-wbeuVyxMqiUVdjs6Glef7Qyu"
        + "xkTmH0ONdBPP49jaNqQNbA"
    /// PSS with SHA-384 and a salt of 32 octets.
    static let pssSHA384ShortSalt =
        "EucESPZfyT-vA-FQrKh9LwCpmdGm8YE03dOIz8uO0tqukKeAnTu9TOtpXy2mS_RVVEL-QpXXlqhZ7MQb"
        + "6v0ehYmpz5AUC9aa4bCml_Y2a6HoFscUZ-8WpYAPtPLlXo427ZC0gf-tW9vl9W-zPXA4FbXaBzvAhEZX"
        + "W2F6cJxceyqaituMVWnZoRcEnkixccuNexHO8M0OtiSxWVqn4Rqr3XZyspiTr1gajTs-_773qv0Swx9w"
        + "0mpYx9ploPSS8PdZTGpldrAJ-dX4j9pzQuUvUlSnf9makZRASxOET68p1j1RXzoes3WjfF9G1g1Q_DrX"
        + "S2y3PrXn8nJrFKBObdXTAQ"
    /// PKCS #1 v1.5 as it must be.
    static let pkcs1SHA256 =
        "SJxAD9VRv2hHPjXrJ5cowRTK-evg0iCyoqr8SjPdEJRapQd2CSOMcDmNhEhohjXNRU10ys1xGAOf78Tc"
        + "iGZEGbNqHL0NbCHHtO6ILgNlYMylgs1zIlv-u9MTU6-1P-HfsbxUK8E0_0nRqVvjjPIEJ64b-0146upn"
        + "VDBPsYKZBuw88PeG5Gj_Lsg4iUDoJIleVwaBXINeYEsBidvyaJzclWLCOIoJHt0Hy93LeA9NPkmeAcri"
        + "OlzWW8L4qXWhPs_GlsakVqR04SginY36AJ0WCvfnEW9E3UCAO5WDicNqHHD337-nlljyQfO7uIjRMaBP"
        + "IvYcx-Fe2wgnUr2z4R97GA"
    /// PKCS #1 v1.5 with SHA-1.
    static let pkcs1SHA1 =
        "AQlWF5wdDCeHuRsY1wcd9dDuEPgSFL-bbEjpzt6EAF714xj-5SuKrN5zySFGHrz3EJj0Sm6tR7QU2o8Z"
        + "TeYHSXQ44l3s56lVoEd734-5kd7NS_XDhFkkvIZli45IJZd2Im7j3ZA4hotBCJTcyJb5fh_NZiBJNUPe"
        + "TiXa2qKTXgZIw3pigBC7HKbee-idCl9pmSra2JPH10NGjx5IhJHbv4tMIV7GwxOwUvi2DnA2QRzaw13o"
        + "6OTs29uJrIEv62RjlY7i_j0tx_KxswHOdRcmnLnymHo-0dxR_Ezgdn2gdEh96txUUXNltBTFgQTzIEGh"
        + "sowcyqbf0IJVA3MRmEpJNg"
    /// PKCS #1 v1.5 whose algorithm has no parameters instead of NULL.
    static let withoutParameters =
        "ZrNZkftNfJQe5phWuoI39lRDQmu2zT0H12w2szWBnESuzaqs7FIKH45cYgQhzMZBu6ThSfcDMDLNzGW7"
        + "XSR0YcyBTJsEdmCiS0Cd1y0R13bnqI8mZVBXxHYBBLkUSCUlSpuobaxQ1SLZSwueG7I-4v-q2kaG6G5W"
        + "uM43_0A9l7Z8j1MEnPMKutfxhfhX3fO7f75abt6dar9bRdEcBwaYZJ3fbSklv3tenej5M3Mcv-1k5kyH"
        + "dHEYxRsyTnTz1Mqa6fZHlmIrH_Pl5R9JRWYt79wN0NJioXl-uoHKt4j2LR7eZKjbPwMFfWRvjoKGHp76"
        + "2tLQFNeTVAHHGP_kMnJzGA"
    /// PKCS #1 v1.5 with octets behind the hash.
    static let octetsBehind =
        "OZHk7HGQPQjSenneB3V1FWRwPYsYXqTlvZI1LFJwev_FxRya5_ZcKjDtMINDAE1HniwO3M0iGiLXjZjz"
        + "bn40_QZMd3AALRJrA5oKRIzZqvefeZohBZjlnEAczPKun41UZA96eZt3A5qKVGyWHA21tUrV85rE5NIU"
        + "JP1SCrUD7EYCR7ZmiaK_8LghRcyNK35XX3cg_HVb-e5jTtdIAi4UMVi3AqMSJtaU4SncXkG7biw_3kJD"
        + "rQkF6h53xQtc-FZZTdF4sshET4MOLbkFfGQdTPfb8pBwDfeO3VrqWiDMJE3qALKQPSJafLcD6Y46dqhQ"
        + "jDaP-yhKj10GDO7Pm6oRpg"
    /// PKCS #1 v1.5 with eight octets of padding, the rest zeros behind.
    static let shortPadding =
        "I9HmeWXb0g01M4fn39quHSmuWNe_Icjmob82Nc0gRZE4R-MaKUuq6jlqfwJ4sk4NbSJEv_TIggpOXN_s"
        + "Zuh8FPpYTYJOdCijMyAmuF0-9DYMf_Sc2OOs0Dn3ztfWeZtf-MVJbykA1rf_XeCCM63ZrxhcARGot3-P"
        + "8IxU1zbBlZi1-ZPzFoL3gvJsb5eaq8k-LpUPhmsNzCLoFpt2IzY85WD7dM5ZXG2V7vlO4N0wef46Jv-B"
        + "31DAQlNAyOZWqOtOrMkFzcP69Z4gS7cFyQ74B3XvwQxuer1DYFbf1b3WiHhIvt7oxNnlj7GHigT_L6Vm"
        + "BwtwTiBxsbeV_e5di4TvHg"
    /// PKCS #1 v1.5 with a bare hash.
    static let withoutDigestInfo =
        "oYE_L6BoQkIFBtWp00cHD0RbRrRCwcGMjRReV0NBTmuUx1ozdOUbZo8F0nqxShZQLNkPi5hClgvVF0xW"
        + "Az_kOQHvxCogVwQ2MTz6VdxLRn_wjXwIA-4VUcaBFeGio57davnOrIhBAhWgCw5u0KL-Ay5kJK9ODZ8E"
        + "KOeYn-Bl2hh7XrZeQzBoSbO35WiptuU_vXbAeGwyDCAXhzJlR7kqA1Xpyvv3V5QgLi1lPqcENB-qd4nr"
        + "F9T8PbU22CejZS8EVmBjDJJWJJh0fHncDN3YAnLWcqQNTQxl1_ChK8lF_qYw2LjCgu_wMkh1kUxx9jed"
        + "cD-AQtwDujAhhfivmQ2z-A"
    /// PKCS #1 v1.5 with the padding of encryption.
    static let otherBlockType =
        "R1R7tPac4cEhf4Y5iD3vBZs2JYzzN2tbS4dSfFEkYkHw6qfUHyID0cpFA3jocNoW7YKnfcif4RmeEorJ"
        + "onIEqywbN2h5XnuaGprzGD6Gmix-q5fHyul1VPop-NIEgt3kb6IdrbYm2bjvQ8D-1__tRl0te177z8yh"
        + "GLD55-7wevxzz98dNs-628HqtbBQtyCxLzzYXGq8sBFeh51yEmkzEWWUHPc2Wxh8u1FbJHd4piKHcSCU"
        + "aenopS8JIRrU_a1VWOnFnO4hUBqI72uqH76x-1TjeggEtyqLbEPBJKLXplpm3CSUWx8clUaT_GjBhUot"
        + "MvxTU3nXhcBsQ6r8AaQU_Q"
    /// The modulus of a key with the exponent 3.
    static let cubicModulus =
        "vembv2cBwJ-VE772oAOwGQHyjbOM5YxLFgBE2xWE040jDYK0SdWNzcniJ4acxL3co7EcJzpg7j3JelwY"
        + "ySVQpzyfRSF2RMTtcwt7STJpFIv5jrBId_Wk5yyJ1odsNxU1NUotroCjQp4YGZGASKAvAMnMcB2-3lNp"
        + "4kSAQFctpdm_nUxxJ4w1e2bhbzZTDyo91YKVu5XTGqhilVl2eLyTVInYlPN5rnYRt60sa7ZRzJf4pPJc"
        + "UQdoQBGeWujuKWZU71unsaHePcIwwjFS5cSAQ_64ew7F1BMLcfnoaNKsp5jNzRrd7Vr80pSH6JbFETag"
        + "RibgHrwoh5nfqPkOlenhdQ"
    /// By that key, PKCS #1 v1.5 as it must be.
    static let cubic =
        "TziCYhPo4L6_aaVoCB2VTU3wlpWd83u-R1MqMg3KlLqVAvvk3BSwIha8ZadJ0qdwzDrmyWuvK6hQpoqP"
        + "EJYDKGDH2uoJRDrdRCsjWtxh-mUkmjTsWXcmUBb6HhO5ITtQvNdSDC8h5xLu6uAYLV6_fAYDw4ApHeOs"
        + "SV-ViEwCQrzovOhwfLzNxGpOMV-EMEDFFli4sTukB3l-AqmPHmMMkLh5XhIoyEbblv5xuBQudL4_78my"
        + "3YCAWE5v5FORT624J9MwqHsGdPBniMNdU7KEu6pRHHs9EsdHVwBv5E6GreQ6JJEdfgtW7G9uyU3dt2Nx"
        + "UdS_SivVJU3bJQZ7Cvk3UQ"
    /// The cube root of a padded hash with octets behind it (Bleichenbacher 2006): no key made it.
    static let cubicForged =
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAMsv9SnrceQVY"
        + "PXZ1IPUWQHWRdtN4JvLvY649x6wNo357_BXjFafA376ZzHJl83JYa-_7AOBJgOYgHFvK1OKgeH3jhAR6"
        + "5AftYh6Gtz4HkxBpWErlPA"
    /// A prime of 1024 bits: as an RSA modulus it hides nothing.
    static let prime =
        "i_Zs8NEPVOih96Cy2651oqsTMm4psafW-EcY5d9RFtJZFKnDyIltDPISRtsqPyHch5sBJ2VEEWV343au"
        + "7Gk-qOcIwfIVkgoPShbYFV13c7Im7Opnon-7aPfWhXtUNd2rB6G5PVMFzEB2Xpt_WoeIc7dnBEUCQfyp"
        + "COF40pplUes"
}
