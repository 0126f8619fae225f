class Solution:
    def countSeniors(self, details: List[str]) -> int:  # noqa: F821 - as in the data set, whose preamble imports List
        return sum(int(text[11:13]) > 60 for text in details)
