"""What a hostile reading found paid and wrong."""

REFUSED: dict[str, str] = {
    "words beside a value": r"""
5\text{ is incorrect} ;; 5
5\text{ is false} ;; 5
5\text{ isn't right} ;; 5
5\text{ guess} ;; 5
5\text{ otherwise six} ;; 5
5\text{ rather six} ;; 5
5\text{ could also be six} ;; 5
5\text{ alternatively six} ;; 5
5\text{, six} ;; 5
5\text{ ou six} ;; 5
5 \text{six seven eight} ;; 5
5\text{ minus two} ;; 5
5\text{ over two} ;; 5
5\text{ divided by two} ;; 5
5\text{plus one} ;; 5
5\text{ squared} ;; 5
5\text{ factorial} ;; 5
5\text{ dozen} ;; 5
5\text{ thirds} ;; 5
5\text{ hundredths} ;; 5
5\text{ billionths} ;; 5
5\text{ quadrillion} ;; 5
5\text{ ppm} ;; 5
5\text{ per mille} ;; 5
5\text{ base seven} ;; 5
101\text{ base two} ;; 101
5万 ;; 5
5 错误 ;; 5
5\text{ apples pears plums figs dates} ;; 5
""",
    "names": r"""
\text{the answer is not }=5 ;; 5
\text{not}=5 ;; 5
\text{Not sure, but}=5 ;; 5
\text{six}=5 ;; 5
\text{area or perimeter}=5 ;; 5
\frac1x=5 ;; 5
\frac1x=5 ;; x=5
x^{-1}=5 ;; 5
|x|=5 ;; 5
|x|=5 ;; x=5
NO ;; ON
""",
    "large beside an integral": r"""
(x+y+z+1)^{40} ;; \int_0^1 x\,dx
\binom{x}{1000} ;; \int_0^1 x\,dx
\binom{x}{60} ;; \int_0^1 x\,dx
(\sqrt2+\sqrt3+\sqrt5+\sqrt7+\sqrt{11}+\sqrt{13})^{60} ;; \int_0^1 x\,dx
(x+1)^{999} ;; \int_0^1 x\,dx
(n+1)^{999} ;; \sum_{k=1}^n k^2
\binom{n}{999} ;; \sum_{k=1}^n k^2
""",
    "units": r"""
5\text{ m}^{-1} ;; 5\text{ m}
5\text{ s}^{-1} ;; 5\text{ s}
5\text{ m/s}^2 ;; 5\text{ m s}^{-1}
5\,\mathrm{m\,s^{-2}} ;; 5\,\mathrm{m\,s^{-1}}
5\text{ kJ mol}^{-1} ;; 5\text{ J}
5\text{ m}^{-2} ;; 5\text{ m}^2
5\text{ N/m} ;; 5\text{ N m}
5\text{ MeV} ;; 5\text{ eV}
5\text{ MW} ;; 5\text{ W}
5\text{ mW} ;; 5\text{ MW}
5\text{ GHz} ;; 5\text{ Hz}
5\text{ MHz} ;; 5\text{ Hz}
5\text{ nm} ;; 5\text{ km}
5\text{ ns} ;; 5\text{ s}
5\text{ kPa} ;; 5\text{ MPa}
5\text{ kV} ;; 5\text{ V}
5\text{ pF} ;; 5\text{ F}
5\text{ mmol} ;; 5\text{ mol}
5\text{ kcal} ;; 5\text{ kJ}
5\text{ atm} ;; 5\text{ Pa}
5\text{ bar} ;; 5\text{ Pa}
5\text{ light years} ;; 5\text{ m}
5\text{ decades} ;; 5\text{ years}
5\text{ nights} ;; 5\text{ days}
5\text{ foos} ;; 5\text{ m}
5\,\mu\text{m} ;; 5\text{ m}
5\text{ M} ;; 5\text{ m}
5M ;; 5
5kT ;; 5
5\,\frac{\text{m}}{\text{s}} ;; 5\text{ m}
5\,\mathrm{k\Omega} ;; 5\ \Omega
5\ \Omega\text{ m} ;; 5\ \Omega
90\text{ rad} ;; 90^\circ
1\text{ radian} ;; 1\text{ degree}
30^\circ ;; 30\text{ radians}
90^\circ ;; 90\text{ rad}
""",
    "and or comma": r"""
x>3\text{ or }x<5 ;; 3<x<5
x<3\text{ and }x>5 ;; x<3\text{ or }x>5
x<1\text{ and }x>2 ;; (-\infty,1)\cup(2,\infty)
x>3\text{ or }x<5 ;; x>3\text{ and }x<5
3 \text{ or } 4 ;; (3,4)
(3 \text{ or } 4) ;; (3,4)
x=3\text{ or }x=4 ;; (3,4)
x=3\text{ or }y=4 ;; (3,4)
x=3\text{ or }y=4 ;; x=3,y=4
x=3,y=4 ;; x=3\text{ or }y=4
a>0\text{ or }b>0 ;; a>0\text{ and }b>0
a>0\text{ or }b>0 ;; a>0,b>0
""",
    "option letters": r"""
A. B ;; A
A) not, B ;; A
A) is wrong, it is B ;; A
A) or B ;; A
A. it could also be C ;; A
(A) (b) ;; A
(A) b) ;; A
A. not A, rather c ;; A
(A) 3 (B 4 ;; A
A. Also c. ;; A
A: b ;; A
A. Neither ;; A
(A) 3 C ;; A
""",
    "ends": r"""
1,2,3,... ;; 1,2,3
5... ;; 5
5.... ;; 5
5\ldots ;; 5
3.14... ;; 3.14
0.333... ;; 0.333
x^2+... ;; x^2
1, 2, 3, . . . ;; 1,2,3
5\%\% ;; 5
28\%\% ;; 0.28
(5\%)\% ;; 5
5̶ ;; 5
5̵ ;; 5
5̸ ;; 5
5⃠ ;; 5
""",
    "decimal comma": r"""
10.25 ;; 10,25
\frac{41}{4} ;; 10,25
-\frac32 ;; -1,50
\{1.25\} ;; \{1,25\}
2.75 ;; 2,75
""",
    "odd roots": r"""
(-8)^{1/3} ;; 1+\sqrt3i
\sqrt[3]{-8} ;; 1+\sqrt3i
\frac12+\frac{\sqrt3}{2}i ;; (-1)^{1/3}
""",
    "worked equalities": r"""
5=5 ;; 5
\frac12=\frac12 ;; \frac12
2=3 ;; 3
\frac{10}{2}=6 ;; 6
x=x ;; x
2x=2x ;; 2x
\frac{10}{2}=5=6 ;; 6
""",
    "operators and labels on the left": r"""
\int_0^1f(x)dx=6 ;; 5
\int_0^1 f(x)dx=6=5 ;; 5
\max(1,2)=5 ;; 5
5\text{ or }\int_0^1f(x)dx=6 ;; 6
P(X=2)=\frac38 ;; P(X=3)=\frac38
\text{not}(X)=5 ;; 5
\text{Maximum: not }5 ;; 5
A(1,2) ;; (2,1)
x+\int_0^1f(x)dx=5 ;; 5
""",
    "conditions": r"""
k\pi,\ k\in\mathbb R ;; k\pi,\ k\in\mathbb Z
x>0,\ x\in\mathbb Z ;; x>0
x>0\text{ for integer }x ;; x>0
5,\ k\in\mathbb Z ;; 5
f(x)=x\text{ for no }x ;; f(x)=x
f(x)=x\text{ for }x>0 ;; f(x)=x
k\pi\text{ where }k\text{ is odd} ;; k\pi
""",
    "wrappers slashes words": r"""
\(6\) ;; 5
\(5\) or \(6\) ;; 5
**5** **6** ;; 5
\color{red}{6} ;; 5
\ln 3/2 ;; \frac{\ln 2}{3}
\text{DNE} ;; 0
\text{infinity} ;; -\infty
H_2O ;; HO_2
H_2O ;; H_2O_2
\mathrm{Na^+} ;; \mathrm{Na^-}
""",
    "arbitrary names": r"""
a^2+b^2-2ab\cos c ;; a^2+b^2-2ab\cos C
A+c ;; A+C
x^2+c ;; x^3+C
\frac{\pi}{4}+2\pi k ;; \frac{\pi}{4}+3\pi n
k+\pi ;; n+\pi
\pi kn ;; \pi nm
c_1\cos x+c_1\sin x ;; C_1\cos x+C_2\sin x
""",
    "sets vectors and restated sums": r"""
\{x\in\mathbb{R}\mid x>3\} ;; (2,\infty)
\{x\in\mathbb{Z}\mid x>2\} ;; (2,\infty)
(1,2,3)^T ;; (3,2,1)
\max\{a,b\} ;; \min(a,b)
\mathbb{R}^+ ;; [0,\infty)
\mathbb{R}^+ ;; \mathbb{R}
\int_0^1 x^2\,dx=\frac12 ;; \int_0^1 x^2\,dx
\sum_{k=1}^{4}k=11 ;; \sum_{k=1}^4 k
5\text{ min} ;; 5\text{ m}
""",
    "determinants": r"""
ad+bc ;; \begin{vmatrix}a&b\\c&d\end{vmatrix}
2 ;; \det\begin{pmatrix}1&2\\3&4\end{pmatrix}
\begin{vmatrix}1&2\\3&4\end{vmatrix} ;; -2
\det\begin{pmatrix}1&2\\3&4\end{pmatrix} ;; -2
""",
}
