print('scored')
